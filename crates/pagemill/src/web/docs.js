// The OpenAPI document as a page for people.

import { byId, el } from "/assets/dom.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

const lastPart = (reference) => reference.split("/").at(-1);

/** The type of a schema in a few words, with links to the shapes it is made of. */
function typeOf(schema) {
  if (!schema) return "–";
  if (schema.$ref) return el("a", { href: `#shape-${lastPart(schema.$ref)}` }, lastPart(schema.$ref));
  const options = (schema.oneOf ?? schema.anyOf)?.filter((option) => option.type !== "null");
  if (options?.length === 1) return el("span", {}, typeOf(options[0]), " or null");
  if (schema.enum) return schema.enum.map((word) => `“${word}”`).join(", ");
  const names = [schema.type ?? "any"].flat();
  if (names.includes("array")) return el("span", {}, "list of ", typeOf(schema.items));
  return names.join(" or ") + (schema.format ? ` (${schema.format})` : "");
}

const table = (heads, rows) =>
  el(
    "div",
    { class: "scroll" },
    el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", {}, head)))), el("tbody", {}, rows)),
  );

const cells = (...contents) => contents.map((content) => el("td", {}, content));

function operation(method, path, described) {
  const inside = [];
  if (described.description) inside.push(el("p", {}, described.description));
  if (described.parameters?.length > 0) {
    const rows = described.parameters.map((one) =>
      el("tr", {}, cells(el("code", {}, one.name), one.in + (one.required ? ", required" : ""), typeOf(one.schema), one.description ?? "")),
    );
    inside.push(table(["Parameter", "Where", "Type", "Meaning"], rows));
  }
  const bodies = Object.entries(described.requestBody?.content ?? {});
  if (bodies.length > 0) {
    const rows = bodies.map(([media, content]) => el("tr", {}, cells(el("code", {}, media), typeOf(content.schema))));
    inside.push(table(["Body", "Shape"], rows));
  }
  const answers = Object.entries(described.responses).flatMap(([status, answer]) => {
    const contents = Object.entries(answer.content ?? { "–": {} });
    return contents.map(([media, content]) =>
      el("tr", {}, cells(status === "default" ? "else" : status, el("code", {}, media), typeOf(content.schema))),
    );
  });
  inside.push(table(["Answer", "Type", "Shape"], answers));
  return el(
    "details",
    { class: "operation" },
    el(
      "summary",
      {},
      el("span", { class: `method ${method}` }, method.toUpperCase()),
      el("code", {}, path),
      el("span", {}, described.summary ?? ""),
    ),
    el("div", { class: "inside" }, inside),
  );
}

function shape(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, one]) =>
    el("tr", {}, cells(el("code", {}, field), typeOf(one), one.description ?? "")),
  );
  const inside = rows.length > 0 ? table(["Field", "Type", "Meaning"], rows) : el("p", {}, typeOf(schema));
  return el(
    "details",
    { class: "operation", id: `shape-${name}` },
    el("summary", {}, el("span", { class: "method" }), el("code", {}, name), el("span", {}, schema.description ?? "")),
    el("div", { class: "inside" }, inside),
  );
}

function errorRow(error) {
  return el(
    "tr",
    { id: error.code },
    cells(el("code", {}, error.code), String(error.status), error.retryable ? "yes" : "no", error.meaning),
  );
}

function page(described) {
  const all = Object.entries(described.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, ...item[method] })),
  );
  const groups = described.tags.map((tag) => {
    const operations = all.filter((one) => one.tags?.includes(tag.name));
    return [el("h2", { id: tag.name }, tag.name), el("p", {}, tag.description ?? ""), operations.map((one) => operation(one.method, one.path, one))];
  });
  const links = [...described.tags.map((tag) => tag.name), "shapes", "errors"];
  return [
    el("p", { class: "lead" }, described.info.description),
    el("nav", { "aria-label": "Parts" }, links.map((name) => el("a", { href: `#${name}` }, name))),
    groups,
    el("h2", { id: "shapes" }, "shapes"),
    el("p", {}, "What bodies are made of"),
    Object.entries(described.components.schemas).map(([name, schema]) => shape(name, schema)),
    el("h2", { id: "errors" }, "errors"),
    el("p", {}, "Every error has one of these codes; they are never renamed"),
    table(["Code", "Status", "May pass", "Meaning"], described["x-error-codes"].map(errorRow)),
  ];
}

/** Opens and shows what the address names. */
function showTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  if (target.matches("details")) target.open = true;
  target.scrollIntoView();
}

const answer = await fetch("/openapi.json");
byId("docs").replaceChildren(...page(await answer.json()).flat(Infinity));
addEventListener("hashchange", showTarget);
showTarget();

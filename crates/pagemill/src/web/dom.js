// Small helpers for the page. Text of documents enters the page here, as text and never as markup.

/** An element with properties, listeners (`onclick`), classes and children; strings become text. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

const SHAPES = {
  bin: "M5 7h14M10 7V4.5h4V7m-7.5 0 1 12.5h9l1-12.5M10.5 10.5v5.5m3-5.5v5.5",
  cross: "m7 7 10 10m0-10L7 17",
  again: "M18.5 9A7 7 0 1 0 19 13.5M18.5 4.5V9H14",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  down: "M12 5v10m-4.5-4 4.5 4.5 4.5-4.5M6 19h12",
};

/** A line drawing that says nothing to a screen reader. */
export function icon(shape) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  return svg;
}

/** A sentence with its words of the program set apart. */
export function sentence(text) {
  const parts = `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`.split("`");
  return parts.map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));
}

/** Tells a screen reader what changed. */
export function announce(text) {
  byId("announce").textContent = text;
}

/** Asks before something that cannot be undone; gives whether it is to be done. `keep` and `act` name the two ways. */
export async function confirmed({ title, text, keep = "Keep it", act = "Delete" }) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-keep").textContent = keep;
  byId("confirm-act").textContent = act;
  dialog.returnValue = "keep";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "act";
}

/** Lower case, without accents: words are compared like this. */
const plain = (word) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

const COMMON = new Set(
  ("a an and are as at be by can did do does for from had has have how in is it its of on or that the their there " +
    "these this to was were what when where which who why will with der die das und ein eine ist im les des une est").split(" "),
);

/** The words of a query that are worth showing in a text. */
export function queryWords(query) {
  const words = (query.match(/[\p{L}\p{N}]+/gu) ?? []).map(plain);
  const rare = words.filter((word) => word.length > 1 && !COMMON.has(word));
  return rare.length > 0 ? rare : words;
}

/** Whether a word of a text is one of the query's, give or take an ending. */
function isMeant(word, wanted) {
  const bare = plain(word);
  return wanted.some((want) => {
    if (bare === want) return true;
    const stem = want.slice(0, Math.max(4, want.length - 2));
    return want.length > 3 && bare.startsWith(stem) && Math.abs(bare.length - want.length) <= 4;
  });
}

/** A text as nodes, with the words of the query marked. */
export function highlighted(text, wanted) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(/[\p{L}\p{N}]+/gu)) {
    if (!isMeant(match[0], wanted)) continue;
    nodes.push(text.slice(last, match.index), el("mark", {}, match[0]));
    last = match.index + match[0].length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

/** The part of a passage with the most words of the query, about `length` characters, cut at words. */
export function snippet(text, wanted, length = 360) {
  const flat = text.replace(/\s+/g, " ").trim();
  if (flat.length <= length * 1.25) return flat;
  const places = [...flat.matchAll(/[\p{L}\p{N}]+/gu)].filter((match) => isMeant(match[0], wanted)).map((match) => match.index);
  let best = 0;
  let most = -1;
  for (const place of places) {
    const count = places.filter((other) => other >= place && other < place + length * 0.8).length;
    if (count > most) [best, most] = [place, count];
  }
  let start = Math.max(0, Math.min(best - 60, flat.length - length));
  if (start > 0) start = flat.indexOf(" ", start) + 1;
  let end = Math.min(flat.length, start + length);
  if (end < flat.length) end = Math.max(flat.lastIndexOf(" ", end), start + 1);
  return (start > 0 ? "… " : "") + flat.slice(start, end) + (end < flat.length ? " …" : "");
}

// The shelf: every document with where it stands, kept up to date.

import { deleteDocument, getDocument, getLibrary, listDocuments } from "/assets/api.js";
import { announce, byId, confirmed, el, icon } from "/assets/dom.js";
import { Row } from "/assets/row.js";
import { count, isFinal, nameOf, receipt, standing } from "/assets/words.js";

/** Changes are gathered this long before they are looked up. */
const GATHER_MS = 250;
/** From so many changed documents on, the whole list is read instead. */
const MANY = 8;

const rows = new Map();
const changed = new Set();
let gathering = null;
let isLoaded = false;

/** Reads the whole list, and makes the shelf show it. */
export async function refresh() {
  let documents;
  try {
    documents = await listDocuments();
  } catch (problem) {
    if (!isLoaded) byId("shelf-state").textContent = problem.message;
    return;
  }
  const present = new Set(documents.map((view) => view.id));
  for (const id of rows.keys()) if (!present.has(id)) remove(id);
  for (const view of documents) show(view);
  isLoaded = true;
  settle();
}

/** Every document of the shelf as it was last seen, with its newest task. */
export const knownDocuments = () => [...rows.values()].map((row) => row.view).filter(Boolean);

/** Something happened to a document; it is looked up soon. */
export function touch(id) {
  changed.add(id);
  gathering ??= setTimeout(lookUp, GATHER_MS);
}

async function lookUp() {
  const ids = [...changed];
  changed.clear();
  if (ids.length > MANY) await refresh();
  else await Promise.all(ids.map(lookUpOne));
  gathering = changed.size > 0 ? setTimeout(lookUp, GATHER_MS) : null;
  settle();
}

async function lookUpOne(id) {
  try {
    show(await getDocument(id));
  } catch (problem) {
    if (problem.status === 404) remove(id);
  }
}

/** A line for a file on its way in. */
export function newRow() {
  const row = new Row({ onDelete: askAndDelete });
  byId("documents").prepend(row.element);
  settle();
  return row;
}

/** Removes a line that is no document's. */
export function dropRow(row) {
  row.element.remove();
  settle();
}

/** A file is in: its line becomes the line of the document. */
export function adopt(row, added) {
  const known = rows.get(added.id);
  if (known && known !== row) {
    row.element.remove();
    known.flash("Already in the library");
    announce(`${added.file}: already in the library`);
  } else {
    rows.set(added.id, row);
  }
  touch(added.id);
}

function show(view) {
  let row = rows.get(view.id);
  if (!row) {
    row = new Row({ onDelete: askAndDelete });
    rows.set(view.id, row);
    byId("documents").prepend(row.element);
  }
  const status = row.showDocument(view);
  if (status && isFinal(status)) {
    announce(`${nameOf(view)}: ${status === "completed" ? "ready" : standing(view).text}`);
  }
}

function remove(id) {
  rows.get(id)?.element.remove();
  rows.delete(id);
}

/** What depends on the list as a whole: the empty state and the holdings. */
function settle() {
  const isEmpty = isLoaded && byId("documents").childElementCount === 0;
  document.body.classList.toggle("is-empty", isEmpty);
  byId("shelf-state").textContent = "";
  void showHoldings();
}

async function showHoldings() {
  try {
    const library = await getLibrary();
    const parts = [count(library.documents, "document"), count(library.pages, "page")];
    byId("holdings").textContent = library.documents > 0 ? parts.join(" · ") : "";
  } catch {
    // The shelf says that the server is away; the count may stay as it is.
  }
}

async function askAndDelete(view) {
  const text = "The file, its text and everything made from it are removed from this library for good.";
  if (!(await confirmed({ title: `Delete “${nameOf(view)}”?`, text }))) return;
  const row = rows.get(view.id);
  row?.element.classList.add("leaving");
  try {
    const result = await deleteDocument(view.id);
    remove(view.id);
    notice(deletionText(view, result), Object.keys(result.left).length > 0 ? "bad" : "good");
  } catch (problem) {
    row?.element.classList.remove("leaving");
    notice(`“${nameOf(view)}” was not deleted: ${problem.message}`, "bad");
  }
  settle();
}

function deletionText(view, result) {
  const left = receipt(result.left);
  const check = left ? `A second look still found ${left}; delete it again.` : "A second look found nothing left.";
  return `“${nameOf(view)}” is deleted: ${receipt(result.removed)}. ${check}`;
}

/** A message that stays until it is put away. */
export function notice(text, tone) {
  const line = el("div", { class: "notice", "data-tone": tone, role: "status" }, el("p", {}, text));
  const away = el(
    "button",
    { type: "button", class: "icon", "aria-label": "Put this message away", onclick: () => line.remove() },
    icon("cross"),
  );
  line.append(away);
  byId("notices").prepend(line);
}

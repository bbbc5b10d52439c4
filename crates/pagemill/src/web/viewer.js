// A page of a document with the place marked, and the place in words beside it.

import { fileAddress, getDocument, getPage, imageAddress, textAddress } from "/assets/api.js";
import { announce, byId, el, icon } from "/assets/dom.js";
import { nameOf, standing } from "/assets/words.js";

/** Resolutions that pages are drawn at: few, so that pictures are reused. */
const DPI = [75, 100, 150, 200, 300];
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];
/** The widest a page is shown unless it is enlarged, in CSS pixels. */
const WIDEST = 860;
/** A US letter page, for the moment before the real size is known. */
const LETTER = { width: 612, height: 792 };

/** What is known of places in words: the quotation that a link stands for. */
const places = new Map();

let shown = null;
let zoom = 1;

/** Keeps the words of a place until its address is opened. */
export function rememberPlace(address, words) {
  if (places.size > 500) places.clear();
  places.set(address, words);
}

/** Makes the buttons and keys work. */
export function wireViewer() {
  const dialog = byId("viewer");
  byId("viewer-close").addEventListener("click", leave);
  byId("page-back").addEventListener("click", () => turnTo(shown.page - 1));
  byId("page-on").addEventListener("click", () => turnTo(shown.page + 1));
  byId("zoom-in").addEventListener("click", () => zoomBy(1));
  byId("zoom-out").addEventListener("click", () => zoomBy(-1));
  byId("zoom-fit").addEventListener("click", () => setZoom(1));
  byId("viewer-place").addEventListener("submit", (event) => {
    event.preventDefault();
    turnTo(Number.parseInt(byId("page-number").value, 10));
  });
  byId("page-number").addEventListener("change", (event) => turnTo(Number.parseInt(event.target.value, 10)));
  // Esc goes through the address, like every other way out.
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("keydown", onKey);
  addEventListener("resize", () => shown && sizeSheet());
}

function onKey(event) {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const acts = {
    ArrowLeft: () => turnTo(shown.page - 1),
    ArrowRight: () => turnTo(shown.page + 1),
    "+": () => zoomBy(1),
    "=": () => zoomBy(1),
    "-": () => zoomBy(-1),
    0: () => setZoom(1),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}

/** Shows a place; `marks` are boxes in points, `x0,y0,x1,y1;…`. */
export function openViewer({ id, page, marks, address }) {
  const dialog = byId("viewer");
  const isNew = shown?.id !== id;
  if (!dialog.open) {
    dialog.showModal();
    dialog.dataset.fromHere = history.length > 1 && places.size > 0 ? "yes" : "";
    byId("stage").focus({ preventScroll: true });
  }
  shown = {
    id,
    page: Math.max(1, page),
    boxes: parseMarks(marks),
    words: places.get(address) ?? null,
    home: page,
    view: isNew ? null : shown.view,
    size: LETTER,
    stop: new AbortController(),
  };
  if (isNew) {
    zoom = 1;
    byId("viewer-title").textContent = shown.words?.title ?? "";
    byId("page-count").textContent = "";
  }
  void show();
  void nameDocument();
}

/** Puts the viewer away without touching the address. */
export function closeViewer() {
  if (!shown) return;
  shown.stop.abort();
  shown = null;
  byId("viewer").close();
  byId("sheet").replaceChildren();
  document.title = "Pagemill";
}

/** Back to where the reader came from. */
function leave() {
  if (history.state?.inside || document.referrer === "" && byId("viewer").dataset.fromHere) history.back();
  else location.hash = "#/";
}

async function nameDocument() {
  const mine = shown;
  if (mine.view) return;
  try {
    mine.view = await getDocument(mine.id);
  } catch (problem) {
    if (mine === shown) fail(problem.status === 404 ? "This document is no longer in the library." : problem.message);
    return;
  }
  if (mine !== shown) return;
  byId("viewer-title").textContent = nameOf(mine.view);
  document.title = `${nameOf(mine.view)} · Pagemill`;
  showPlace();
  showBeside(mine.pageView);
}

function showPlace() {
  const pages = shown.view?.pages ?? 0;
  const label = shown.pageView?.label;
  byId("page-number").value = shown.page;
  byId("page-count").textContent = pages > 0 ? `of ${pages}${label && label !== String(shown.page) ? ` (${label})` : ""}` : "";
  byId("page-back").disabled = shown.page <= 1;
  byId("page-on").disabled = pages > 0 && shown.page >= pages;
}

function turnTo(page) {
  const pages = shown.view?.pages ?? Infinity;
  if (!Number.isFinite(page) || page < 1 || page > pages || page === shown.page) {
    byId("page-number").value = shown.page;
    return;
  }
  shown.stop.abort();
  shown.stop = new AbortController();
  shown.page = page;
  const isHome = page === shown.home && shown.boxes.length > 0;
  const marks = isHome ? `?marks=${shown.boxes.map((box) => box.join(",")).join(";")}` : "";
  history.replaceState(history.state, "", `#/${shown.id}/page/${page}${marks}`);
  void show();
}

/** Draws the page that is shown now. */
async function show() {
  const mine = shown;
  const signal = mine.stop.signal;
  mine.pageView = null;
  byId("stage-note").textContent = "";
  showPlace();
  byId("sheet").classList.add("loading");
  try {
    mine.pageView = await getPage(mine.id, mine.page, signal);
    mine.size = mine.pageView;
  } catch (problem) {
    // A page that has not been read can be drawn all the same.
    if (problem.name === "AbortError") return;
  }
  if (mine !== shown || signal.aborted) return;
  showPlace();
  showBeside(mine.pageView);
  try {
    await draw(mine, signal);
  } catch {
    if (mine === shown && !signal.aborted && !byId("stage-note").textContent) {
      fail("This page could not be drawn. The document may have been deleted or be damaged here.");
    }
  }
}

async function draw(mine, signal) {
  const picture = await load(imageAddress(mine.id, mine.page, dpiFor(mine.size)));
  if (mine !== shown || signal.aborted) return;
  picture.alt = `Page ${mine.page} as it is printed`;
  const marks = mine.page === mine.home ? mine.boxes.map((box) => markOf(box, mine.size)) : [];
  const sheet = byId("sheet");
  sheet.classList.remove("loading");
  sheet.replaceChildren(picture, ...marks);
  sizeSheet();
  const stage = byId("stage");
  if (marks.length > 0) {
    const middle = marks[0].offsetTop + sheet.offsetTop;
    stage.scrollTo({ top: middle - stage.clientHeight * 0.35, left: marks[0].offsetLeft - 24 });
  } else {
    stage.scrollTo({ top: 0 });
  }
  announce(`Page ${mine.page}${marks.length > 0 ? ", place marked" : ""}`);
}

function load(address) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = reject;
    picture.src = address;
  });
}

/** A box over the picture, in shares of the page, so that it stays right at every size. */
function markOf([x0, y0, x1, y1], page) {
  const mark = el("span", { class: "mark" });
  const slack = 1.5;
  mark.style.left = `${(100 * (x0 - slack)) / page.width}%`;
  mark.style.top = `${(100 * (y0 - slack)) / page.height}%`;
  mark.style.width = `${(100 * (x1 - x0 + 2 * slack)) / page.width}%`;
  mark.style.height = `${(100 * (y1 - y0 + 2 * slack)) / page.height}%`;
  return mark;
}

function parseMarks(text) {
  const boxes = text.split(";").map((box) => box.split(",").map(Number));
  return boxes.filter((box) => box.length === 4 && box.every(Number.isFinite));
}

/** The width of the page on the screen, in CSS pixels. */
function widthNow() {
  return Math.round(Math.min(byId("stage").clientWidth - 32, WIDEST) * zoom);
}

function sizeSheet() {
  const width = widthNow();
  const sheet = byId("sheet");
  sheet.style.width = `${width}px`;
  sheet.style.aspectRatio = `${shown.size.width} / ${shown.size.height}`;
  byId("zoom-fit").textContent = `${Math.round(zoom * 100)} %`;
}

function dpiFor(page) {
  sizeSheet();
  const wanted = (widthNow() * Math.min(devicePixelRatio, 2)) / (page.width / 72);
  return DPI.find((dpi) => dpi >= wanted * 0.9) ?? DPI.at(-1);
}

function zoomBy(step) {
  const place = ZOOMS.findIndex((one) => one >= zoom);
  setZoom(ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, place + step))]);
}

function setZoom(to) {
  if (to === zoom) return;
  const stage = byId("stage");
  const grown = to / zoom;
  const [x, y] = [stage.scrollLeft + stage.clientWidth / 2, stage.scrollTop + stage.clientHeight / 2];
  zoom = to;
  sizeSheet();
  stage.scrollTo({ left: x * grown - stage.clientWidth / 2, top: y * grown - stage.clientHeight / 2 });
  void sharpen();
}

/** Replaces the picture by one that is fine enough for the new size. */
async function sharpen() {
  const mine = shown;
  const old = byId("sheet").querySelector("img");
  const address = imageAddress(mine.id, mine.page, dpiFor(mine.size));
  if (!old || old.getAttribute("src") === address) return;
  try {
    const picture = await load(address);
    picture.alt = old.alt;
    if (mine === shown && old.isConnected) old.replaceWith(picture);
  } catch {
    // The coarser picture stays.
  }
}

function fail(message) {
  byId("sheet").classList.remove("loading");
  byId("sheet").replaceChildren();
  byId("stage-note").textContent = message;
}

/** The words of the place, where the document is from, and what can be done with both. */
function showBeside(page) {
  const parts = [];
  const words = shown.page === shown.home ? wordsOf(page) : null;
  if (words) {
    parts.push(
      el("h3", {}, words.kind === "quote" ? "Quoted" : "Found here"),
      el("blockquote", {}, words.quote),
      words.kind === "quote" ? verdict(words.verified) : null,
      copyButton(words.quote),
    );
  }
  if (page && (page.source === "failed" || page.source === "skipped")) {
    parts.push(el("p", { class: "verdict doubtful" }, `The text of this page was not read${page.reason ? `: ${page.reason}` : "."}`));
  }
  const view = shown.view;
  if (view) {
    parts.push(
      el("h3", {}, "Document"),
      el("p", { class: "beside-name" }, view.file),
      view.authors.length > 0 ? el("p", { class: "beside-more" }, view.authors.join(", ")) : null,
      el("p", { class: "beside-more" }, standing(view).text),
      el(
        "p",
        { class: "beside-links" },
        el("a", { href: fileAddress(view.id), download: view.file }, "Download the original"),
        el("a", { href: textAddress(view.id), target: "_blank", rel: "noopener" }, "All its text"),
      ),
    );
  }
  byId("beside").replaceChildren(...parts.filter(Boolean));
}

/** The quotation of the link, or the blocks under the marks when the page was opened by its address. */
function wordsOf(page) {
  if (shown.words || !page) return shown.words;
  const touches = (block) =>
    shown.boxes.some(([x0, y0, x1, y1]) => {
      const [left, top, right, bottom] = block.bbox;
      return x0 < right && x1 > left && y0 < bottom && y1 > top;
    });
  const quote = page.blocks.filter(touches).map((block) => block.text).join("\n\n");
  return quote ? { quote, kind: "passage" } : null;
}

function verdict(isVerified) {
  return isVerified
    ? el("p", { class: "verdict" }, "✓ These words stand on this page exactly so.")
    : el("p", { class: "verdict doubtful" }, "! These words were not found here again. Read the page before citing it.");
}

function copyButton(quote) {
  const label = el("span", {}, "Copy with its source");
  return el(
    "button",
    {
      type: "button",
      class: "button quiet small",
      onclick: async () => {
        const name = shown.view ? nameOf(shown.view) : shown.words?.title;
        await navigator.clipboard.writeText(`“${quote}” (${name}, p. ${shown.page})`);
        label.textContent = "Copied";
        announce("Copied");
      },
    },
    icon("copy"),
    label,
  );
}

// What was found: passages, or an answer made of quotations.

import { announce, el, highlighted, queryWords, snippet } from "/assets/dom.js";
import { rememberPlace } from "/assets/viewer.js";
import { count } from "/assets/words.js";

/** Boxes beyond this many would make an address too long to keep. */
const MOST_BOXES = 60;

/** The address of a place in a document. */
function placeAddress(document, page, boxes) {
  const marks = boxes.slice(0, MOST_BOXES).map((box) => box.map((edge) => Math.round(edge * 10) / 10).join(","));
  return `#/${document}/page/${page}${marks.length > 0 ? `?marks=${marks.join(";")}` : ""}`;
}

/** Shows the results of a search. */
export function showResults(into, query, results, go) {
  const wanted = queryWords(query);
  const hits = results.results;
  if (hits.length === 0) {
    into.replaceChildren(
      nothing("Nothing found.", "Try fewer or other words.", results.processing, ["Ask it as a question", () => go("ask", query)]),
    );
    announce("Nothing found");
    return;
  }
  const summary = `${count(hits.length, "passage")} · ${milliseconds(results.ms)}`;
  into.replaceChildren(
    el("p", { class: "found-line" }, summary, modeNote(results), stillReading(results.processing)),
    el("ol", { class: "hits" }, hits.map((hit) => hitLine(hit, wanted))),
  );
  announce(`${count(hits.length, "passage")} found`);
}

function hitLine(hit, wanted) {
  const span = hit.spans.find((span) => span.page === hit.page) ?? hit.spans[0];
  const page = span?.page ?? hit.page;
  const address = placeAddress(hit.document, page, span?.boxes ?? []);
  rememberPlace(address, { title: hit.title, quote: hit.text, kind: "passage" });
  const place = [`Page ${page}`, ...hit.headings].join(" › ");
  return el(
    "li",
    {},
    el(
      "a",
      { class: "hit", href: address },
      el("span", { class: "hit-title" }, hit.title),
      el("span", { class: "hit-place" }, place),
      el("span", { class: "hit-text" }, highlighted(snippet(hit.text, wanted), wanted)),
    ),
  );
}

/** Shows the answer to a question. */
export function showAnswer(into, question, answer, go) {
  if (!answer.found) {
    into.replaceChildren(
      nothing(
        "The library has no answer to this.",
        "Ask in other words, or add documents that know.",
        0,
        ["Search for passages instead", () => go("search", question)],
      ),
    );
    announce("The library has no answer to this");
    return;
  }
  const sources = numberSources(answer.sentences);
  const text = el("p", { class: "answer-text" });
  for (const sentence of answer.sentences) {
    const chips = sentence.citations.map((citation) => chip(sources, citation));
    text.append(el("span", { class: "sentence" }, sentence.text, ...chips), " ");
  }
  into.replaceChildren(
    el("p", { class: "found-line" }, `Quoted from ${count(documentsIn(sources), "document")} · ${milliseconds(answer.ms)}`),
    el("article", { class: "answer", "aria-label": "Answer" }, text, el("ol", { class: "sources" }, [...sources.values()].map(sourceLine))),
  );
  announce(`Answer from ${count(sources.size, "place")}. ${answer.answer}`);
}

const keyOf = (citation) => `${citation.document}/${citation.page}/${citation.quote}`;

/** Each place once, numbered in the order of the sentences. */
function numberSources(sentences) {
  const sources = new Map();
  for (const citation of sentences.flatMap((sentence) => sentence.citations)) {
    const key = keyOf(citation);
    if (sources.has(key)) continue;
    const address = placeAddress(citation.document, citation.page, citation.boxes);
    rememberPlace(address, { title: citation.title, quote: citation.quote, kind: "quote", verified: citation.verified });
    sources.set(key, { number: sources.size + 1, address, citation });
  }
  return sources;
}

const documentsIn = (sources) => new Set([...sources.values()].map(({ citation }) => citation.document)).size;

function chip(sources, citation) {
  const { number, address } = sources.get(keyOf(citation));
  const label = `Source ${number}: ${citation.title}, page ${citation.page}${citation.verified ? "" : ", unverified"}`;
  return el("a", { class: `chip${citation.verified ? "" : " doubtful"}`, href: address, "aria-label": label, title: label }, String(number));
}

function sourceLine({ number, address, citation }) {
  return el(
    "li",
    {},
    el(
      "a",
      { class: "source", href: address },
      el("span", { class: "source-number", "aria-hidden": "true" }, String(number)),
      el(
        "span",
        { class: "source-text" },
        el("span", { class: "hit-title" }, citation.title),
        el("span", { class: "hit-place" }, `Page ${citation.page}`, citation.verified ? "" : " · unverified: the words were not found there again"),
        el("q", { class: "source-quote" }, citation.quote),
      ),
    ),
  );
}

function nothing(title, advice, processing, [label, onclick]) {
  return el(
    "div",
    { class: "nothing" },
    el("p", { class: "nothing-title" }, title),
    el("p", {}, advice, stillReading(processing)),
    el("button", { type: "button", class: "button quiet", onclick }, label),
  );
}

const stillReading = (number) => (number > 0 ? ` ${count(number, "document")} still being read may be missing.` : "");

const modeNote = (results) => (results.mode === "lexical" ? " · by words alone: there is no model" : "");

const milliseconds = (ms) => (ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`);

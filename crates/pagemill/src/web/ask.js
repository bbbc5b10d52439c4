// One field with two acts: search and ask. The act used last is the one Enter does.

import { ask, search } from "/assets/api.js";
import { announce, byId, el } from "/assets/dom.js";
import { showAnswer, showResults } from "/assets/results.js";

const HINTS = {
  search: "Enter finds passages. Ask answers with quotations, each with its page.",
  ask: "Enter answers with quotations, each with its page. Search finds passages.",
};
const KEPT_ACT = "pagemill.act";

let current = null;
let preferred = "search";

/** Makes the field work. */
export function takeQuestions() {
  preferred = localStorage.getItem(KEPT_ACT) === "ask" ? "ask" : "search";
  showPreferred();
  byId("seek").addEventListener("submit", (event) => {
    event.preventDefault();
    go(preferred, byId("question").value);
  });
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => go(button.dataset.act, byId("question").value));
  }
  byId("question").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      const first = byId("found").querySelector("a[href]");
      first?.focus();
      if (first) event.preventDefault();
    }
  });
  byId("found").addEventListener("keydown", walkResults);
}

/** Runs a search or asks a question, and keeps it in the address. */
export function go(act, text) {
  const question = text.trim();
  if (!question) {
    byId("question").focus();
    return;
  }
  preferred = act;
  localStorage.setItem(KEPT_ACT, act);
  showPreferred();
  const address = `#/${act}?q=${encodeURIComponent(question)}`;
  if (location.hash === address) void run(act, question);
  else location.hash = address;
}

/** Shows what an address asks for, unless it is there already. */
export function showAddress(act, question) {
  if (current?.act === act && current.question === question) return;
  byId("question").value = question;
  void run(act, question);
}

/** An empty field, and nothing found. */
export function clearFound() {
  current?.stop.abort();
  current = null;
  byId("question").value = "";
  byId("found").replaceChildren();
  document.body.classList.remove("has-found");
}

async function run(act, question) {
  current?.stop.abort();
  const mine = { act, question, stop: new AbortController() };
  current = mine;
  const found = byId("found");
  document.body.classList.add("has-found");
  found.setAttribute("aria-busy", "true");
  const busy = setTimeout(() => found.replaceChildren(waitingLines()), 150);
  try {
    if (act === "ask") showAnswer(found, question, await ask(question, mine.stop.signal), go);
    else showResults(found, question, await search(question, mine.stop.signal), go);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    current = null;
    found.replaceChildren(el("p", { class: "notice", "data-tone": "bad" }, problem.message));
    announce(problem.message);
  } finally {
    clearTimeout(busy);
    if (current === mine || current === null) found.removeAttribute("aria-busy");
  }
}

const waitingLines = () =>
  el("div", { class: "waiting", "aria-hidden": "true" }, el("span"), el("span"), el("span"));

function showPreferred() {
  for (const button of document.querySelectorAll("[data-act]")) {
    button.classList.toggle("main", button.dataset.act === preferred);
  }
  byId("hint").textContent = HINTS[preferred];
}

/** Up and down go from result to result. */
function walkResults(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...byId("found").querySelectorAll("a[href]")];
  const place = links.indexOf(document.activeElement);
  if (place < 0) return;
  event.preventDefault();
  (links[place + step] ?? (step < 0 ? byId("question") : links[place])).focus();
}

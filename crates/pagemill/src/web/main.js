// The page: what an address shows, and who is told about what happens.

import { clearFound, showAddress, takeQuestions } from "/assets/ask.js";
import { byId } from "/assets/dom.js";
import { refresh, touch } from "/assets/library.js";
import { follow } from "/assets/live.js";
import { leaveTask, showTask, touchTask } from "/assets/task.js";
import { takeFiles } from "/assets/uploads.js";
import { closeViewer, openViewer, wireViewer } from "/assets/viewer.js";
import { leaveWork, showWork, touchWork } from "/assets/work.js";

const PLACE = /^#\/(doc_[a-z0-9]+)\/page\/(\d+)(?:\?(.*))?$/;
const WORK = /^#\/work(?:\/(task_[a-z0-9]+))?$/;
const QUESTION = /^#\/(search|ask)\?(.*)$/;

/** Where the link leads that passes over the head of the page. */
const SKIPS = {
  library: ["#question", "Skip to search"],
  work: ["#work-title", "Skip to the overview"],
  task: ["#task-title", "Skip to the task"],
};

/** Which part of the page is shown: the library, the overview of work, or one task. */
function showPart(part) {
  byId("work").hidden = part === "library";
  byId("main").hidden = part !== "library";
  byId("work-overview").hidden = part !== "work";
  byId("task-page").hidden = part !== "task";
  for (const [id, isHere] of [["way-library", part === "library"], ["way-work", part !== "library"]]) {
    if (isHere) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
  const [anchor, words] = SKIPS[part];
  byId("skip").hash = anchor;
  byId("skip").textContent = words;
  if (part !== "work") leaveWork();
  if (part !== "task") leaveTask();
}

/** `#/doc_…/page/3?marks=…`, `#/work`, the address of a task, `#/search?q=…`, `#/ask?q=…`, or nothing. */
function showHash() {
  const hash = location.hash;
  const place = PLACE.exec(hash);
  if (place) {
    openViewer({ id: place[1], page: Number(place[2]), marks: new URLSearchParams(place[3]).get("marks") ?? "", address: hash });
    return;
  }
  // Anchors of the page itself are left to the browser.
  if (hash && !hash.startsWith("#/")) return;
  closeViewer();
  const work = WORK.exec(hash);
  if (work) {
    showPart(work[1] ? "task" : "work");
    if (work[1]) showTask(work[1]);
    else showWork();
    scrollTo(0, 0);
    return;
  }
  showPart("library");
  const question = QUESTION.exec(hash);
  if (question) showAddress(question[1], new URLSearchParams(question[2]).get("q") ?? "");
  else clearFound();
}

let lost = null;

/** A stream that comes back at once is nobody's business; one that stays away is. */
function showStream(isLive) {
  clearTimeout(lost);
  if (isLive) document.body.classList.remove("is-lost");
  else lost = setTimeout(() => document.body.classList.add("is-lost"), 2500);
  byId("holdings").title = isLive ? "" : "Waiting for Pagemill to answer";
}

wireViewer();
takeQuestions();
takeFiles();
follow({
  onEvent: (event) => {
    if (event.document) touch(event.document);
    if (event.task) touchTask(event.task);
    touchWork();
  },
  onReturn: () => {
    void refresh();
    touchWork();
  },
  onState: showStream,
});
addEventListener("hashchange", showHash);
addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, dialog");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    if (byId("main").hidden) location.hash = "#/";
    requestAnimationFrame(() => byId("question").focus());
  }
});
showHash();
if (!matchMedia("(pointer: coarse)").matches && !location.hash) byId("question").focus();

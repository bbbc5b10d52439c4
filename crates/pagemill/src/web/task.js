// One task: why it stands where it stands, its steps, what happened, and what can be done.

import { changeTask, getTask, taskEvents, whyTask } from "/assets/api.js";
import { announce, byId, el, sentence } from "/assets/dom.js";
import { clock, count, eventWords, isFinal, seconds, soon, stageName, taskAddress, taskStanding } from "/assets/words.js";
import { button, documentName } from "/assets/work.js";

const GATHER_MS = 250;
/** A sentence with "in 12 s" in it grows old by itself. */
const LOOK_MS = 5000;

let shown = null;
let gathering = null;
let looking = null;

/** Shows a task until another is shown or it is left. */
export function showTask(id) {
  if (shown !== id) byId("task-page").replaceChildren(el("p", { class: "quiet-line" }, "…"));
  shown = id;
  looking ??= setInterval(() => touchTask(shown), LOOK_MS);
  void refresh();
}

/** Nothing is shown any more. */
export function leaveTask() {
  clearInterval(looking);
  looking = null;
  shown = null;
}

/** Something happened to a task; if it is the one that is shown, it is looked up soon. */
export function touchTask(id) {
  if (shown === null || id !== shown) return;
  gathering ??= setTimeout(async () => {
    await refresh();
    gathering = null;
  }, GATHER_MS);
}

async function refresh() {
  const id = shown;
  let found;
  try {
    found = await Promise.all([getTask(id), whyTask(id), taskEvents(id)]);
  } catch (problem) {
    if (shown === id) byId("task-page").replaceChildren(el("p", { class: "quiet-line" }, problem.message));
    return;
  }
  const [task, why, events] = found;
  const name = await documentName(task.document);
  // Another one may have been opened meanwhile.
  if (shown !== id) return;
  draw(task, why, events, name);
}

function draw(task, why, events, name) {
  const page = byId("task-page");
  const focused = page.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const isNew = byId("task-title") === null;
  const { tone } = taskStanding(task);
  // What it waits for is in the sentence below.
  const { text } = taskStanding({ ...task, waiting: null });
  const isOpen = !isFinal(task.status);
  page.replaceChildren(
    el("p", { class: "crumb" }, el("a", { href: "#/work", "data-key": "up" }, "Background work")),
    el("h2", { id: "task-title", class: "task-title", tabindex: "-1" }, name),
    el(
      "div",
      { class: "task-now", "data-tone": tone },
      el("p", { class: "task-status" }, el("span", { class: "badge" }, task.status), " ", text),
      isOpen && task.status !== "queued" && el("progress", { class: "row-bar", max: "1", value: String(task.progress), "aria-label": text }),
      el("p", { class: "task-why" }, sentence(why.sentence)),
      el("p", { class: "row-detail" }, facts(task).join(" · ")),
      el("div", { class: "task-acts" }, acts(task)),
    ),
    el("h3", {}, "Steps"),
    el("ol", { class: "steps" }, (task.stages ?? []).map((stage) => step(stage, task.status))),
    ...attempts(task.attempts ?? []),
    el("h3", {}, "What happened"),
    el("ol", { class: "timeline" }, fold(events).map(moment)),
  );
  if (focused) page.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  else if (isNew) byId("task-title").focus({ preventScroll: true });
}

function facts(task) {
  return [
    task.pages_total > 0 && `${task.pages_done} of ${count(task.pages_total, "page")}`,
    task.pages_unread > 0 && `${task.pages_unread} not read`,
    task.chunks > 0 && count(task.chunks, "passage"),
    task.reused > 0 && `${count(task.reused, "unit")} reused`,
    !isFinal(task.status) && soon(task.remaining_seconds),
  ].filter(Boolean);
}

function acts(task) {
  const act = (label, action, tone) =>
    button(
      label,
      action,
      async () => {
        const changed = await changeTask(task.id, action);
        announce(`${label}: done`);
        if (changed.id !== task.id) location.hash = taskAddress(changed.id);
        else await refresh();
      },
      tone,
    );
  const look = task.pages_total > 0 && el("a", { class: "button quiet small", href: `#/${task.document}/page/1`, "data-key": "look" }, "Look at the document");
  switch (task.status) {
    case "queued":
    case "processing":
      return [act("Hold back", "pause"), act("Stop", "cancel"), look].filter(Boolean);
    case "paused":
      return [act("Go on", "resume", "main"), act("Stop", "cancel"), look].filter(Boolean);
    case "completed":
      return [look].filter(Boolean);
    default:
      return [act("Try again", "retry", "main"), look].filter(Boolean);
  }
}

const STEPS = {
  done: { tone: "good", sign: "✓" },
  active: { tone: "work", sign: "" },
  failed: { tone: "bad", sign: "!" },
  pending: { tone: "wait", sign: "·" },
  next: { tone: "next", sign: "…" },
};

function step(stage, status) {
  const units = stage.units_total > 0 ? `${stage.units_done} of ${stage.units_total}` : null;
  const time = stage.seconds !== null && stage.seconds !== undefined ? seconds(stage.seconds) : null;
  const isStill = stage.status === "active" && status !== "processing";
  const { tone, sign } = isStill ? STEPS.next : (STEPS[stage.status] ?? STEPS.pending);
  return el(
    "li",
    { class: "step", "data-tone": tone, "aria-current": stage.status === "active" ? "step" : undefined },
    el("span", { class: "sign", "aria-hidden": "true" }, sign),
    el("span", { class: "step-name" }, stageName(stage.stage)),
    el("span", { class: "step-more" }, [units, time].filter(Boolean).join(" · ")),
    el("span", { class: "sr" }, stage.status),
  );
}

function attempts(list) {
  const odd = list.filter((attempt) => attempt.error);
  if (odd.length === 0) return [];
  return [
    el("h3", {}, "Attempts that failed"),
    el(
      "ul",
      { class: "attempts" },
      odd.map((attempt) =>
        el("li", {}, el("p", {}, `${stageName(attempt.stage)}, attempt ${attempt.attempt}, ${clock(attempt.started)}`), el("p", { class: "attempt-text" }, attempt.error.message)),
      ),
    ),
  ];
}

/** Many events of progress in a row are one line. */
function fold(events) {
  const lines = [];
  for (const event of events) {
    const before = lines.at(-1);
    if (event.type === "task.progress" && before?.type === "task.progress" && before.data.stage === event.data.stage) lines[lines.length - 1] = event;
    else lines.push(event);
  }
  return lines.reverse();
}

function moment(event) {
  return el(
    "li",
    { class: "moment", "data-kind": event.type },
    el("time", { datetime: event.at }, clock(event.at)),
    el("span", {}, eventWords(event)),
  );
}

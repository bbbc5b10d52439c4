// Background work at a glance: queues, what is in hand, what waits, what was set aside, what failed, who works.

import {
  changeQueue,
  discardDeadLetter,
  getDocument,
  listDeadLetters,
  listQueues,
  listTasks,
  listWorkers,
  replayDeadLetter,
  retryTasks,
} from "/assets/api.js";
import { announce, byId, confirmed, el, sentence } from "/assets/dom.js";
import { knownDocuments } from "/assets/library.js";
import { ago, asideAdvice, asideWords, count, memory, nameOf, soon, stageName, taskAddress, taskStanding } from "/assets/words.js";

/** Changes are gathered this long before they are looked up. */
const GATHER_MS = 400;
/** What changes by itself, like the silence of a worker, is looked up this often. */
const LOOK_MS = 5000;
/** Tasks shown of those that wait. */
const SHOWN = 8;
/** Documents named of those that failed in one way. */
const LINKED = 5;

const names = new Map();
let gathering = null;
let looking = null;

/** Shows the overview until it is left. */
export function showWork() {
  looking ??= setInterval(touchWork, LOOK_MS);
  void refreshWork();
}

/** Stops looking. */
export function leaveWork() {
  clearInterval(looking);
  looking = null;
}

/** Something happened; the overview is looked up soon. */
export function touchWork() {
  if (looking === null) return;
  gathering ??= setTimeout(async () => {
    await refreshWork();
    gathering = null;
  }, GATHER_MS);
}

/** The name of a task's document. */
export async function documentName(id) {
  if (!names.has(id)) {
    try {
      names.set(id, nameOf(await getDocument(id)));
    } catch {
      return "A document that is gone";
    }
  }
  return names.get(id);
}

async function refreshWork() {
  let found;
  try {
    found = await Promise.all([
      listQueues(),
      listTasks("processing"),
      listTasks("queued"),
      listTasks("paused"),
      listWorkers(),
      listDeadLetters(),
    ]);
  } catch (problem) {
    byId("work-line").textContent = problem.message;
    return;
  }
  const [queues, running, queued, paused, workers, aside] = found;
  const waiting = [...paused, ...queued.reverse()];
  byId("work-line").textContent = headline(running.length, queued.length, paused.length, aside);
  put("work-queues", queues.map(queueRow));
  const documents = knownDocuments();
  for (const view of documents) names.set(view.id, nameOf(view));
  // A task that was tried again is no failure any more; the newest of a document counts. What was set aside is shown as such.
  const isAside = new Set(aside.items.map((letter) => letter.task));
  const tasks = documents.map((view) => view.task);
  const failures = kinds(
    tasks.filter((task) => (task?.status === "failed" || task?.status === "partial") && !isAside.has(task.id)),
  );
  const named = [...running, ...waiting.slice(0, SHOWN), ...failures.flatMap((kind) => kind.tasks.slice(0, LINKED))];
  await Promise.all(named.map((task) => documentName(task.document)));
  put("work-running", running.map(taskRow), "Nothing is in work.");
  const more = waiting.length - SHOWN;
  put("work-waiting", [
    ...waiting.slice(0, SHOWN).map(taskRow),
    more > 0 && el("li", { class: "quiet-line" }, `and ${more.toLocaleString("en")} more`),
  ]);
  byId("work-waiting-part").hidden = waiting.length === 0;
  showAside(aside);
  put("work-failures", failures.map(failureRow), "Nothing has failed.");
  put("work-workers", workers.map(workerRow), "No worker has been heard of. Is the server just starting?");
}

function headline(running, queued, paused, aside) {
  const parts = [running > 0 && `${count(running, "document")} in work`, queued > 0 && `${queued} waiting`, paused > 0 && `${paused} paused`];
  const said = parts.filter(Boolean).join(" · ") || "All work is done";
  const letters = aside.items.length > 0 && `${aside.items.length}${aside.next ? " or more" : ""} set aside`;
  return letters ? `${said} · ${letters}` : said;
}

/** Replaces what a list shows; the focus stays with what has the same key. */
function put(id, items, empty) {
  const list = byId(id);
  const key = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const shown = items.filter(Boolean);
  list.replaceChildren(...(shown.length > 0 || !empty ? shown : [el("li", { class: "quiet-line" }, empty)]));
  if (key) list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

function queueRow(queue) {
  const { ready = 0, leased = 0, waiting = 0, dead = 0 } = queue.jobs;
  const figures = [
    ["in hand", leased],
    ["ready", ready],
    ["later", waiting],
    ["set aside", dead],
  ];
  const action = queue.paused ? "resume" : "pause";
  return el(
    "li",
    { class: "queue", "data-paused": queue.paused },
    el("h3", {}, QUEUES[queue.name] ?? queue.name),
    el(
      "dl",
      { class: "figures" },
      figures.map(([word, number]) =>
        el("div", { class: number === 0 ? "is-zero" : undefined }, el("dt", {}, word), el("dd", {}, number.toLocaleString("en"))),
      ),
    ),
    el("p", { class: "queue-state" }, queue.paused ? "Paused" : queue.places > 0 ? count(queue.places, "place") : "No worker"),
    button(queue.paused ? "Let it go on" : "Hold it back", `queue-${queue.name}`, async () => {
      await changeQueue(queue.name, action);
      await refreshWork();
    }),
  );
}

const QUEUES = { default: "Reading", images: "Pictures", embeddings: "Meaning and index" };

function taskRow(task) {
  const { tone, text } = taskStanding(task);
  const name = names.get(task.document) ?? task.document;
  const more = [text, task.status === "processing" && `step ${task.step} of ${task.steps}`, soon(task.remaining_seconds)];
  return el(
    "li",
    { class: "row", "data-tone": tone },
    el("span", { class: "sign", "aria-hidden": "true" }, tone === "wait" ? "…" : ""),
    el(
      "div",
      { class: "row-text" },
      el("a", { class: "row-name", href: taskAddress(task.id), "data-key": task.id }, name),
      el("p", { class: "row-state" }, more.filter(Boolean).join(" · ")),
      task.status === "processing" &&
        el("progress", { class: "row-bar", max: "1", value: String(task.progress), "aria-label": `${name}: ${text}` }),
    ),
  );
}

/** Failures by their code, the most frequent first. */
function kinds(tasks) {
  const kinds = new Map();
  for (const task of tasks) {
    const code = task.error?.code ?? "unknown";
    const kind = kinds.get(code) ?? { code, message: task.error?.message ?? "", tasks: [] };
    kind.tasks.push(task);
    kinds.set(code, kind);
  }
  return [...kinds.values()].sort((a, b) => b.tasks.length - a.tasks.length);
}

function failureRow({ code, message, tasks }) {
  const links = onePerDocument(tasks).map((task) => ({ task: task.id, key: `fail-${task.id}`, name: names.get(task.document) ?? task.document }));
  return kindRow(
    { code, message },
    links,
    null,
    button(tasks.length > 1 ? "Try all again" : "Try again", `retry-${code}`, async () => {
      await retryTasks({ code });
      await refreshWork();
    }),
  );
}

/** Of what concerns documents, one of each. */
function onePerDocument(items) {
  return [...new Map(items.map((item) => [item.document, item])).values()];
}

/** Documents with which the same went wrong, the first of them by name, and what can be done. */
function kindRow({ code, message }, links, advice, acts) {
  return el(
    "li",
    { class: "failure" },
    el("p", { class: "failure-head" }, el("strong", {}, count(links.length, "document")), " ", el("code", { class: "error-code" }, code)),
    el("p", { class: "failure-text" }, sentence(message)),
    advice && el("p", { class: "failure-text" }, advice),
    el(
      "p",
      { class: "failure-links" },
      links.slice(0, LINKED).map(({ task, key, name }) => el("a", { href: taskAddress(task), "data-key": key }, name)),
    ),
    acts,
  );
}

function showAside({ items, next }) {
  byId("work-aside-part").hidden = items.length === 0;
  put("work-aside", asideKinds(items).map((letters) => (letters.length > 1 ? asideKindRow(letters) : asideRow(letters[0]))));
  put("work-aside-acts", [
    next && el("p", { class: "aside-line" }, `These are the first ${items.length}; there are more.`),
    items.length > 1 && asideButton(`Try all ${items.length} again`, "aside-all", () => replayAll(items)),
  ]);
}

/** Letters whose files have the same fault together; one that crashed is a case of its own. */
function asideKinds(letters) {
  const kinds = new Map();
  for (const letter of letters) {
    const kind = letter.crashes > 0 ? letter.job : (letter.error?.code ?? letter.job);
    kinds.set(kind, [...(kinds.get(kind) ?? []), letter]);
  }
  return [...kinds.values()];
}

async function replayAll(letters) {
  await forEach(letters, replayDeadLetter);
  announce(`${count(letters.length, "job")} tried again`);
}

async function forEach(letters, act) {
  for (const letter of letters) {
    await act(letter.job).catch((problem) => {
      // Somebody else may have been quicker.
      if (problem.code !== "not_found") throw problem;
    });
  }
}

/** A button of the list, which is drawn anew after each act: what went wrong stays above it until the next. */
function asideButton(label, key, act) {
  return button(label, key, async () => {
    const said = byId("work-aside-problem");
    said.textContent = "";
    try {
      await act();
    } catch (problem) {
      said.textContent = problem.message;
    }
    await refreshWork();
  });
}

function asideRow(letter) {
  const name = names.get(letter.document) ?? letter.file;
  const job = letter.job;
  return el(
    "li",
    { class: "failure" },
    el("p", { class: "failure-head" }, el("a", { href: taskAddress(letter.task), "data-key": `aside-${job}` }, name)),
    el("p", { class: "failure-when" }, asideWords(letter)),
    letter.error && el("p", { class: "failure-text" }, el("code", { class: "error-code" }, letter.error.code), " ", sentence(letter.error.message)),
    el("p", { class: "failure-text" }, asideAdvice(letter)),
    el(
      "div",
      { class: "aside-acts" },
      asideButton("Try again", `replay-${job}`, async () => {
        await replayDeadLetter(job);
        announce(`“${name}” is tried again`);
      }),
      asideButton("Throw away", `discard-${job}`, async () => {
        const text = "This piece of work is given up: its task stays as it ended, and the document in the library.";
        if (!(await confirmed({ title: `Give up the work on “${name}”?`, text, act: "Throw away" }))) return;
        await discardDeadLetter(job);
        announce("Thrown away");
      }),
    ),
  );
}

function asideKindRow(letters) {
  const [{ error }] = letters;
  const documents = onePerDocument(letters);
  const links = documents.map(({ task, job, document, file }) => ({ task, key: `aside-${job}`, name: names.get(document) ?? file }));
  return kindRow(
    error,
    links,
    asideAdvice(letters[0]),
    el(
      "div",
      { class: "aside-acts" },
      asideButton("Try all again", `replay-kind-${error.code}`, () => replayAll(letters)),
      asideButton("Throw all away", `discard-kind-${error.code}`, async () => {
        const text = "This work is given up: the tasks stay as they ended, and the documents in the library.";
        if (!(await confirmed({ title: `Give up the work on ${count(documents.length, "document")}?`, text, act: "Throw away" }))) return;
        await forEach(letters, discardDeadLetter);
        announce("Thrown away");
      }),
    ),
  );
}

function workerRow(worker) {
  const jobs = worker.jobs.map((job) => [stageName(job.stage), job.unit, `${Math.round(job.running_seconds)} s`].filter(Boolean).join(", "));
  const tone = { silent: "bad", held_back: "part", working: "good" }[worker.status] ?? "wait";
  const said = worker.held_back ?? (jobs.length > 0 ? jobs.join(" · ") : worker.status === "silent" ? "Nothing was heard of it" : "Waits for work");
  return el(
    "li",
    { class: "row", "data-tone": tone },
    el("span", { class: "sign", "aria-hidden": "true" }, { bad: "!", part: "◐", good: "✓", wait: "…" }[tone]),
    el(
      "div",
      { class: "row-text" },
      el("p", { class: "row-name" }, `${worker.host}, process ${worker.pid}`),
      el("p", { class: "row-state" }, said),
      el("p", { class: "row-detail" }, `${memory(worker.memory_bytes)} · heard ${ago(worker.silent_seconds)}`),
    ),
  );
}

/** A button that says what went wrong beside it. */
export function button(label, key, act, tone = "quiet") {
  const made = el("button", { type: "button", class: `button ${tone} small`, "data-key": key }, label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await act();
    } catch (problem) {
      made.after(el("p", { class: "act-problem", role: "alert" }, problem.message));
    }
    made.disabled = false;
  });
  return made;
}

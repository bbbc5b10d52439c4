// What statuses, stages and numbers are called for people.

/** `1 page`, `12 pages`. */
export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** A file size. */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** What a document is called: its title, else its file name. */
export const nameOf = (document) => document.title || document.file;

const WORK = "#/work";

/** Where the page shows a task. */
export const taskAddress = (id) => `${WORK}/${id}`;

const FINAL = new Set(["completed", "partial", "failed", "cancelled"]);

/** Whether nothing more will happen to a task by itself. */
export const isFinal = (status) => FINAL.has(status);

const percent = (done, total) => (total > 0 ? ` · ${Math.floor((100 * Math.min(done, total)) / total)} %` : "");

const NAMES = {
  parse: "Reading",
  ocr: "Recognising text",
  figures: "Pictures",
  describe: "Describing pictures",
  chunk: "Cutting into passages",
  embed: "Meaning",
  index: "Index",
  references: "References",
  finish: "Finishing",
};

/** What a stage is called. */
export const stageName = (stage) => NAMES[stage] ?? stage;

const STAGES = {
  parse: (task) =>
    task.pages_total > 0
      ? `Reading page ${Math.min(task.pages_done + 1, task.pages_total)} of ${task.pages_total}`
      : "Opening the file",
  ocr: (task) =>
    task.units_total > 0
      ? `Recognising picture ${Math.min(task.units_done + 1, task.units_total)} of ${task.units_total}`
      : "Recognising pictures of text",
  chunk: () => "Cutting into passages",
  embed: (task) => `Making it searchable by meaning${percent(task.units_done, task.units_total)}`,
  index: () => "Putting it into the index",
  finish: () => "Finishing",
};

/** A sentence without the marks around words of the program. */
const plain = (text) => text.replaceAll("`", "");

/** Where a task stands, by itself. */
export function taskStanding(task) {
  return standing({ task, status: task.status, pages: task.pages_total });
}

/** Where a document stands: `tone` is one of `wait`, `work`, `good`, `part`, `bad`. */
export function standing(document) {
  const task = document.task;
  const status = task?.status ?? document.status;
  const pages = count(document.pages, "page");
  switch (status) {
    case "queued":
      return { tone: "wait", text: task?.waiting ? `Waiting: ${plain(task.waiting)}` : "Waiting its turn" };
    case "processing":
      if (task.waiting) return { tone: "wait", text: `Waiting: ${plain(task.waiting)}` };
      return { tone: "work", text: STAGES[task.stage]?.(task) ?? "At work" };
    case "paused":
      return { tone: "wait", text: "Paused" };
    case "completed":
      return { tone: "good", text: pages };
    case "partial":
      return { tone: "part", text: `${document.pages - (task?.pages_unread ?? 0)} of ${pages} read` };
    case "cancelled":
      return { tone: "bad", text: "Stopped before it was done" };
    default:
      return { tone: "bad", text: "Could not be read" };
  }
}

/** The counts of a deletion's receipt as one sentence part. */
export function receipt(removed) {
  const parts = Object.entries(removed)
    .filter(([, number]) => number > 0)
    .map(([what, number]) => `${number.toLocaleString("en")} ${what.replaceAll("_", " ")}`);
  return parts.join(", ");
}

/** A time of today as a clock shows it, another with its day. */
export function clock(at) {
  const time = new Date(at);
  const isToday = time.toDateString() === new Date().toDateString();
  const hours = time.toLocaleTimeString("en-GB");
  return isToday ? hours : `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${hours}`;
}

/** How a job came to be set aside: `Reading · crashed 3 times · 12:03:10`. */
export function asideWords(letter) {
  const ways = [[letter.crashes, "crashed"], [letter.attempts_spent, "failed"]];
  const often = ways.filter(([times]) => times > 0).map(([times, way]) => `${way} ${times === 1 ? "once" : `${times} times`}`);
  return [stageName(letter.stage), ...often, clock(letter.died)].join(" · ");
}

/** What can be done about a job that was set aside. */
export function asideAdvice(letter) {
  switch (letter.error?.code) {
    case "reader_crashed":
    case "nesting_too_deep":
    case "damaged":
      return "Another try helps after an update of Pagemill. Until then, replace the file with one saved anew by another program.";
    case "encrypted":
      return "Replace the file with one that opens without a password.";
    case "too_many_pages":
    case "stream_too_large":
      return "Another try helps with higher limits in pagemill.toml, after a restart.";
    case "ocr_unavailable":
      return "Install Tesseract, start the server anew, and try again.";
    case "memory_limit":
      return "Another try helps with a higher limits.child_memory_bytes in pagemill.toml, after a restart.";
    case "time_limit":
    case "page_time_limit":
      return "Another try helps when the machine is less busy, or with higher limits in pagemill.toml, after a restart.";
    case "internal":
      return `This is a defect. Try again after an update; if it comes back here, please report it with ${letter.job}.`;
    default:
      return "Try again when the reason is gone. To throw it away leaves the task as it ended.";
  }
}

/** A span of time. */
export function seconds(number) {
  if (number < 10) return `${Number.isInteger(number) ? number : number.toFixed(1)} s`;
  if (number < 90) return `${Math.round(number)} s`;
  if (number < 5400) return `${Math.round(number / 60)} min`;
  return `${Math.round(number / 3600)} h`;
}

/** `about 20 s left`, or nothing when that is not known. */
export const soon = (left) => (typeof left === "number" ? `about ${seconds(Math.max(1, left))} left` : null);

/** How long ago something was. */
export const ago = (number) => (number < 5 ? "just now" : `${seconds(Math.round(number))} ago`);

/** An amount of memory. */
export const memory = (bytes) => `${Math.round(bytes / 2 ** 20).toLocaleString("en")} MiB`;

const EVENTS = {
  "task.queued": () => "Queued",
  "task.started": () => "Work began",
  "task.stage": ({ stage }) => `${stageName(stage)} began`,
  "task.progress": ({ stage, units_done, units_total, pages_done, pages_total }) =>
    stage === "parse" && pages_total > 0
      ? `${stageName(stage)}: page ${pages_done} of ${pages_total}`
      : `${stageName(stage)}: ${units_done}${units_total > 0 ? ` of ${units_total}` : ""}`,
  "task.waiting": ({ for: reason }) => `Waiting: ${reason}`,
  "task.retrying": ({ stage, attempt, message }) => `${stageName(stage)} failed (attempt ${attempt}), to be tried again: ${message}`,
  "task.set_aside": ({ stage, message }) => `${stageName(stage)} was set aside: ${message}`,
  "task.paused": () => "Held back",
  "task.resumed": () => "Going on",
  "task.cancelled": () => "Stopped",
  "task.completed": ({ status, message }) => (status === "partial" ? `Done in part: ${message ?? "some pages were not read"}` : "Done"),
  "task.failed": ({ message }) => `Failed: ${message ?? "no reason was given"}`,
  "document.text_extracted": ({ pages }) => (pages ? `Its text is read, ${count(pages, "page")}` : "Its text is read"),
  "document.chunks_created": () => "Findable by words",
  "document.embeddings_generated": () => "Findable by meaning",
  "document.embeddings_skipped": () => "By words only: there is no embedding model",
  "document.indexed": () => "The indexes have it",
  "document.completed": () => "The document is ready",
};

/** What happened, as a person would say it. */
export const eventWords = (event) => EVENTS[event.type]?.(event.data ?? {}) ?? event.type;

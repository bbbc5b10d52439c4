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

const FINAL = new Set(["completed", "partial", "failed", "cancelled"]);

/** Whether nothing more will happen to a task by itself. */
export const isFinal = (status) => FINAL.has(status);

const percent = (done, total) => (total > 0 ? ` · ${Math.floor((100 * Math.min(done, total)) / total)} %` : "");

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

/** Where a document stands: `tone` is one of `wait`, `work`, `good`, `part`, `bad`. */
export function standing(document) {
  const task = document.task;
  const status = task?.status ?? document.status;
  const pages = count(document.pages, "page");
  switch (status) {
    case "queued":
      return { tone: "wait", text: task?.waiting ? `Waiting: ${task.waiting}` : "Waiting its turn" };
    case "processing":
      if (task.waiting) return { tone: "wait", text: `Waiting: ${task.waiting}` };
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

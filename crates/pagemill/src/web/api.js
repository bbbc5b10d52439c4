// Calls of the API. Every failure becomes a `Problem` with a sentence for people.

const BASE = "/api/v1";

/** An error as the API tells it, or as the network does. */
export class Problem extends Error {
  constructor({ detail, code, status = 0, retryable = false }) {
    super(detail);
    this.code = code;
    this.status = status;
    this.retryable = retryable;
  }
}

/** Nobody answered. */
export function unreachable() {
  return new Problem({
    code: "unreachable",
    detail: "Pagemill does not answer. Is `pagemill serve` still running?",
    retryable: true,
  });
}

/** The problem in the body of an answer. */
export function problemOf(status, text) {
  try {
    return new Problem(JSON.parse(text));
  } catch {
    return new Problem({ code: "internal", status, detail: `The server answered ${status} without saying why.` });
  }
}

async function call(method, path, body, signal) {
  const options = { method, signal, headers: { accept: "application/json" } };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(BASE + path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable();
  }
  if (!answer.ok) throw problemOf(answer.status, await answer.text());
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/** Everything in a list, `most` items at the outside. */
export async function listDocuments(most = 5000) {
  const items = [];
  let next = null;
  do {
    const after = next ? `&after=${encodeURIComponent(next)}` : "";
    const part = await call("GET", `/documents?limit=200${after}`);
    items.push(...part.items);
    next = part.next;
  } while (next && items.length < most);
  return items;
}

export const getDocument = (id) => call("GET", `/documents/${encodeURIComponent(id)}`);
export const deleteDocument = (id) => call("DELETE", `/documents/${encodeURIComponent(id)}`);
export const getPage = (id, number, signal) =>
  call("GET", `/documents/${encodeURIComponent(id)}/pages/${number}`, undefined, signal);
export const getLibrary = () => call("GET", "/library");
export const search = (query, signal) => call("POST", "/search", { query, k: 12 }, signal);
export const ask = (question, signal) => call("POST", "/query", { question }, signal);

export const fileAddress = (id) => `${BASE}/documents/${encodeURIComponent(id)}/file`;
export const textAddress = (id) => `${BASE}/documents/${encodeURIComponent(id)}/text`;
export const imageAddress = (id, number, dpi) =>
  `${BASE}/documents/${encodeURIComponent(id)}/pages/${number}/image?dpi=${dpi}`;
export const uploadAddress = (name) => `${BASE}/documents?name=${encodeURIComponent(name)}`;
export const EVENTS = `${BASE}/events`;
export const SOCKET = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;

/** Tasks with a status, the newest first, `most` at the outside. */
export async function listTasks(status, most = 1000) {
  const items = [];
  let next = null;
  do {
    const after = next ? `&after=${encodeURIComponent(next)}` : "";
    const part = await call("GET", `/tasks?status=${status}&limit=200${after}`);
    items.push(...part.items);
    next = part.next;
  } while (next && items.length < most);
  return items.reverse();
}

const task = (id, more = "") => `/tasks/${encodeURIComponent(id)}${more}`;
export const getTask = (id) => call("GET", task(id));
export const whyTask = (id) => call("GET", task(id, "/why"));
export const taskEvents = async (id) => (await call("GET", task(id, "/events?limit=1000"))).items;
export const changeTask = (id, action) => call("POST", task(id, `/${action}`));
export const retryTasks = (filter) => call("POST", "/tasks/bulk", { action: "retry", filter });
export const listQueues = async () => (await call("GET", "/queues")).items;
export const changeQueue = (name, action) => call("POST", `/queues/${encodeURIComponent(name)}/${action}`);
export const listWorkers = async () => (await call("GET", "/workers")).items;

export const listDeadLetters = () => call("GET", "/dead-letters?limit=50");
const letter = (job, more = "") => `/dead-letters/${encodeURIComponent(job)}${more}`;
export const replayDeadLetter = (job) => call("POST", letter(job, "/replay"));
export const discardDeadLetter = (job) => call("DELETE", letter(job));

// Files into the library: chosen, dropped, whole folders; a few at a time, each with its line.

import { problemOf, unreachable, uploadAddress } from "/assets/api.js";
import { announce, byId } from "/assets/dom.js";
import { adopt, dropRow, newRow, notice } from "/assets/library.js";
import { count } from "/assets/words.js";

/** Uploads at once. Browsers give a site six connections, and the page needs some itself. */
const AT_ONCE = 3;

const waiting = [];
let running = 0;

/** Makes the choosers and the whole window take files. */
export function takeFiles() {
  for (const id of ["choose-files", "choose-folder"]) {
    byId(id).addEventListener("change", (event) => {
      const files = [...event.target.files];
      add(id === "choose-folder" ? onlyPdfs(files) : files);
      event.target.value = "";
    });
  }
  takeDrops();
}

function takeDrops() {
  const curtain = byId("curtain");
  let depth = 0;
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    curtain.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    curtain.hidden = depth === 0;
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    depth = 0;
    curtain.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    add(await filesOf(event.dataTransfer));
  });
}

/** The files of a drop; folders are walked through, and only their PDFs taken. */
async function filesOf(transfer) {
  // Entries must be asked for before the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files];
  const single = await Promise.all(entries.filter((entry) => entry.isFile).map(fileOf));
  const inFolders = [];
  for (const entry of entries.filter((entry) => entry.isDirectory)) inFolders.push(...(await walk(entry)));
  return [...single, ...onlyPdfs(inFolders)];
}

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function walk(folder) {
  const reader = folder.createReader();
  const files = [];
  for (;;) {
    // A reader gives a part at a time, and nothing at the end.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return files;
    for (const entry of part) {
      if (entry.isDirectory) files.push(...(await walk(entry)));
      else files.push(await fileOf(entry));
    }
  }
}

function onlyPdfs(files) {
  const pdfs = files.filter((file) => file.type === "application/pdf" || /\.pdf$/i.test(file.name));
  const others = files.length - pdfs.length;
  if (pdfs.length === 0) notice("There is no PDF in this folder.", "part");
  else if (others > 0) notice(`${count(others, "other file")} in the folder ${others === 1 ? "was" : "were"} left out.`, "part");
  return pdfs;
}

function add(files) {
  if (files.length > 0) announce(`Adding ${count(files.length, "file")}`);
  for (const file of files) enqueue(file, newRow());
}

function enqueue(file, row) {
  const job = { file, row, request: null };
  job.cancel = () => {
    const place = waiting.indexOf(job);
    if (place >= 0) waiting.splice(place, 1);
    job.request?.abort();
    dropRow(row);
  };
  row.showUpload(file, null, job.cancel);
  waiting.push(job);
  next();
}

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    running += 1;
    void send(waiting.shift());
  }
}

async function send(job) {
  const { file, row } = job;
  row.showUpload(file, 0, job.cancel);
  try {
    const answer = await post(job);
    adopt(row, answer.documents[0]);
  } catch (problem) {
    if (problem) {
      row.showRefusal(file, problem, () => enqueue(file, row), () => dropRow(row));
      announce(`${file.name}: not added. ${problem.message}`);
    }
  } finally {
    running -= 1;
    next();
  }
}

/** Sends one file as the body itself; `fetch` cannot tell how much of it has gone. */
function post(job) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    job.request = request;
    request.open("POST", uploadAddress(job.file.name));
    request.setRequestHeader("content-type", "application/pdf");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) job.row.showUpload(job.file, event.loaded / event.total, job.cancel);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problemOf(request.status, request.responseText));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(null);
    request.send(job.file);
  });
}

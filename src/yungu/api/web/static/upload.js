// Files go to the server in parts as soon as they are chosen; committing them is the form's business. A broken
// connection costs one part, a reload nothing but choosing the same files again. Without this script the form sends the
// files itself.
"use strict";

const MOST_AT_ONCE = 3;
const MOST_TRIES = 12;
const form = document.querySelector("form.upload");
const says = form.dataset;
const input = form.querySelector("input[type=file]");
const list = form.querySelector(".chosen");
const token = form.querySelector("[name=form_token]").value;
const memory = `uploads ${location.pathname}`;
const uploads = [];
let running = 0;
let isWaited = false; // "Commit" was pressed while files are still on their way

class Refused extends Error {}

class Upload {
  constructor(file, path) {
    this.file = file;
    this.path = path;
    this.state = "waiting";
    this.sent = 0;
    this.draw();
  }

  get key() {
    return `${this.path} ${this.file.size} ${this.file.lastModified}`;
  }

  draw() {
    this.row = document.createElement("li");
    const name = document.createElement("span");
    name.className = "grow cut";
    name.textContent = this.path;
    this.bar = document.createElement("progress");
    this.bar.max = Math.max(this.file.size, 1);
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", this.path);
    this.note = document.createElement("span");
    this.note.className = "muted note";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "button small";
    remove.textContent = says.remove;
    remove.setAttribute("aria-label", `${says.remove} ${this.path}`);
    remove.addEventListener("click", () => this.remove());
    this.row.append(name, this.bar, this.note, remove);
    list.append(this.row);
    this.show("waiting", says.waiting);
  }

  show(state, words) {
    this.state = state;
    this.row.dataset.state = state;
    this.note.textContent = words;
  }

  progress(bytes) {
    this.bar.value = Math.min(bytes, this.file.size);
    const percent = this.file.size ? Math.floor((100 * bytes) / this.file.size) : 100;
    this.show("sending", `${says.sending} ${percent} %`);
  }

  remove() {
    this.request?.abort();
    this.state = "removed";
    this.row.remove();
    uploads.splice(uploads.indexOf(this), 1);
    remember();
    input.focus();
    next();
  }

  async run() {
    try {
      const plan = await this.again(() => askPlan(this));
      this.sent = plan.held.reduce((sum, number) => sum + this.partSize(plan, number), 0);
      for (let number = 1; number <= plan.part_count; number += 1) {
        if (plan.held.includes(number)) continue;
        await this.again(() => this.sendPart(plan, number));
        this.sent += this.partSize(plan, number);
      }
      this.bar.value = this.bar.max;
      this.show("checking", says.checking);
      const made = await this.again(() => ask("POST", `${says.uploads}/complete?token=${plan.token}`));
      this.finish(made.sha256);
    } catch (error) {
      if (this.state !== "removed") this.show("failed", `${says.failed} ${error.message}`);
    }
  }

  partSize(plan, number) {
    return Math.min(plan.part_bytes, this.file.size - (number - 1) * plan.part_bytes);
  }

  sendPart(plan, number) {
    const start = (number - 1) * plan.part_bytes;
    const part = this.file.slice(start, start + this.partSize(plan, number));
    this.progress(this.sent);
    return ask("PUT", `${says.uploads}?token=${plan.token}&part=${number}`, part, this);
  }

  async again(work) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof Refused || this.state === "removed" || tries >= MOST_TRIES) throw error;
        this.show("sending", says.broken);
        await pause(Math.min(500 * 2 ** tries, 15000));
      }
    }
  }

  finish(sha256) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "uploaded";
    field.value = `${sha256} ${this.path}`;
    this.row.append(field);
    this.show("done", says.done);
  }
}

function ask(method, address, body, upload) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.setRequestHeader("x-form-token", token);
    request.setRequestHeader("accept", "application/json");
    if (upload) {
      upload.request = request;
      request.upload.addEventListener("progress", (event) => upload.progress(upload.sent + event.loaded));
    }
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(new (request.status < 500 ? Refused : Error)(refusal(request)));
    });
    request.addEventListener("error", () => reject(new Error(says.broken)));
    request.addEventListener("abort", () => reject(new Error("")));
    request.send(body);
  });
}

function refusal(request) {
  try {
    return JSON.parse(request.responseText).error;
  } catch {
    return `HTTP ${request.status}`;
  }
}

async function askPlan(upload) {
  const file = { path: upload.path, size: upload.file.size, modified: upload.file.lastModified };
  return (await ask("POST", says.uploads, JSON.stringify({ files: [file] }))).files[0];
}

// Resolves after the time, or at once when the browser is online again.
function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    addEventListener("online", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function next() {
  const waiting = uploads.find((upload) => upload.state === "waiting");
  if (waiting && running < MOST_AT_ONCE) {
    running += 1;
    waiting.show("sending", says.sending);
    next();
    await waiting.run();
    running -= 1;
    remember();
    next();
  } else if (!running && isWaited) {
    isWaited = false;
    if (uploads.every((upload) => upload.state === "done")) form.requestSubmit();
  }
}

function remember() {
  const open = uploads.filter((upload) => upload.state !== "done").map((upload) => upload.path);
  if (open.length) sessionStorage.setItem(memory, JSON.stringify(open));
  else sessionStorage.removeItem(memory);
}

function choose(file, path) {
  const upload = new Upload(file, path);
  const same = uploads.find((other) => other.path === path);
  if (same) same.remove();
  uploads.push(upload);
  form.querySelector(".unfinished").hidden = true;
}

function chosen() {
  remember();
  next();
}

input.addEventListener("change", () => {
  for (const file of input.files) choose(file, file.webkitRelativePath || file.name);
  input.value = "";
  chosen();
});

const drop = form.querySelector(".drop");
for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => drop.classList.remove("over"));
form.addEventListener("drop", async (event) => {
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length) for (const entry of entries) await chooseEntry(entry, "");
  else for (const file of event.dataTransfer.files) choose(file, file.name);
  chosen();
});

async function chooseEntry(entry, folder) {
  if (entry.isFile) {
    choose(await new Promise((resolve, reject) => entry.file(resolve, reject)), folder + entry.name);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const inner of some) await chooseEntry(inner, `${folder}${entry.name}/`);
  }
}

form.addEventListener("submit", (event) => {
  if (uploads.some((upload) => upload.state !== "done")) {
    event.preventDefault();
    isWaited = true;
    next();
  } else if (uploads.length || form.querySelector("[name=uploaded]")) {
    form.enctype = "application/x-www-form-urlencoded";
    input.disabled = true;
  }
});
addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

const unfinished = JSON.parse(sessionStorage.getItem(memory) || "[]");
if (unfinished.length) {
  const note = form.querySelector(".unfinished");
  note.textContent = `${says.unfinished} ${unfinished.join(", ")}`;
  note.hidden = false;
}

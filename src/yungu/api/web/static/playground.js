// Streams what a model writes, with what it has cost so far. Without this the same form works as a plain one.
"use strict";

const form = document.getElementById("ask");
const replies = document.getElementById("replies");
const stop = document.getElementById("stop");
const settings = form.dataset;
const kinds = { chat: "chat/completions", completion: "completions" };
let running = null;

function box(who, isModel) {
  const made = document.createElement("div");
  made.className = isModel ? "reply-box is-model" : "reply-box";
  const head = document.createElement("p");
  head.className = "reply-head";
  head.textContent = who;
  const text = document.createElement("p");
  text.className = settings.kind === "chat" ? "reply" : "reply is-code";
  made.append(head, text);
  replies.append(made);
  return text;
}

function note(className = "muted small-text") {
  const made = document.createElement("p");
  made.className = className;
  replies.append(made);
  return made;
}

function filled(words, values) {
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function inCredits(micro) {
  return (micro / 1e6).toFixed(6).replace(/\.?0+$/, "") || "0";
}

// What has been written so far costs about this much: the receipt has the exact figure.
function estimate(promptTokens, written) {
  const tokens = promptTokens * Number(settings.promptPrice) + written * Number(settings.completionPrice);
  return inCredits(Number(settings.requestPrice) + Math.ceil(tokens / 1e6));
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: ") && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
    }
  }
}

function turns() {
  return JSON.parse(form.elements.turns.value || "[]");
}

function question() {
  const message = form.elements.message.value;
  const body = {
    model: settings.model,
    max_tokens: Number(form.elements.max_tokens.value),
    temperature: Number(form.elements.temperature.value),
    stream: true,
    stream_options: { include_usage: true },
  };
  if (settings.kind === "chat") body.messages = [...turns(), { role: "user", content: message }];
  else body.prompt = message;
  return body;
}

async function receipt(request, line) {
  const response = await fetch(`/-/receipts?request=${encodeURIComponent(request)}`);
  if (!response.ok) return;
  const told = await response.json();
  line.textContent = filled(settings.done, { read: told.prompt_tokens, written: told.completion_tokens, credits: told.credits });
  line.dataset.receipt = "";
  const link = document.createElement("a");
  link.href = told.address;
  link.textContent = `${settings.receiptWord} #${told.number}`;
  line.append(" · ", link);
}

async function ask() {
  const message = form.elements.message.value;
  const request = `page-${crypto.randomUUID ? crypto.randomUUID() : Date.now() + "-" + Math.random()}`;
  const headers = { "content-type": "application/json", "idempotency-key": request };
  const payer = form.elements.payer;
  if (payer && payer.selectedIndex > 0) headers["openai-organization"] = payer.value;
  const body = JSON.stringify(question());
  box(replies.dataset.you, false).textContent = message;
  const text = box(settings.model, true);
  const line = note();
  line.textContent = settings.waiting;
  let written = 0;
  try {
    const response = await fetch(`/v1/${kinds[settings.kind]}`, { method: "POST", headers, body, signal: running.signal });
    if (!response.ok) throw new Error((await response.json()).error?.message ?? response.statusText);
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      const choice = event.choices?.[0];
      const piece = choice?.delta?.content ?? choice?.text ?? "";
      if (!piece) continue;
      text.textContent += piece;
      written += 1;
      line.textContent = filled(settings.running, { count: written, credits: estimate(Math.ceil(message.length / 4), written) });
    }
    if (settings.kind === "chat") {
      const said = [...turns(), { role: "user", content: message }, { role: "assistant", content: text.textContent }];
      form.elements.turns.value = JSON.stringify(said);
      form.elements.message.value = "";
    }
  } catch (error) {
    const problem = note("alert alert-error");
    problem.setAttribute("role", "alert");
    problem.textContent = error.name === "AbortError" ? settings.stopped : error.message || settings.broken;
  }
  await receipt(request, line);
}

if (kinds[settings.kind] && window.TextDecoderStream) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running || !form.elements.message.value.trim()) return;
    running = new AbortController();
    const send = form.querySelector("button.primary");
    send.disabled = true;
    stop.hidden = false;
    await ask();
    send.disabled = false;
    stop.hidden = true;
    running = null;
    form.elements.message.focus();
  });
  stop.addEventListener("click", () => running?.abort());
}

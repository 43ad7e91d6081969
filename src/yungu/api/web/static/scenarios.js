// The form of an item says what is missing while it is written, and its tables grow. Everything works without it.
"use strict";

const form = document.querySelector("form[data-lint]");
const panel = document.querySelector("[data-lint-panel]");

function show(found) {
  const list = panel.querySelector("[data-lint-list]");
  const icon = list.querySelector("svg");
  list.replaceChildren(
    ...found.findings.map((one) => {
      const line = document.createElement("li");
      line.className = `lint-${one.weight}`;
      const text = document.createElement("span");
      text.textContent = one.text;
      if (icon) line.append(icon.cloneNode(true));
      line.append(text);
      return line;
    }),
  );
  if (!found.findings.length) list.append(Object.assign(document.createElement("li"), { textContent: panel.dataset.good }));
  if (found.score !== null) panel.querySelector("[data-lint-score]").textContent = `${found.score} / 100`;
}

let timer, asked = 0;
async function lint() {
  const turn = ++asked;
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.dataset.lint, { method: "POST", body, headers: { accept: "application/json" } }).catch(() => null);
  if (answer?.ok && turn === asked) show(await answer.json());
}

if (form && panel) {
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(lint, 400);
  });
}

// When something is written into the last row of a table, another one follows.
for (const table of document.querySelectorAll("table[data-rows]")) {
  table.addEventListener("input", (event) => {
    const row = event.target.closest("tr");
    if (row !== table.tBodies[0].lastElementChild || table.rows.length > 40) return;
    const next = row.cloneNode(true);
    for (const field of next.querySelectorAll("input, select")) {
      if (field.tagName === "INPUT") field.value = "";
      else field.selectedIndex = 0;
      const label = next.querySelector(`label[for="${field.id}"]`);
      field.id += "n";
      if (label) label.htmlFor = field.id;
    }
    table.tBodies[0].append(next);
  });
}

// What the search box proposes while somebody types: a combobox, by keyboard too. Without it Enter searches all the same.
"use strict";

for (const input of document.querySelectorAll('form.search input[name="q"]')) propose(input);

function propose(input) {
  const list = document.createElement("ul");
  list.id = `${input.id}-proposals`;
  list.className = "proposals";
  list.setAttribute("role", "listbox");
  list.hidden = true;
  input.closest("form").append(list);
  for (const [name, value] of Object.entries({
    role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) input.setAttribute(name, value);

  let chosen = -1, asked = "", timer = 0;

  function choose(number) {
    const items = list.children;
    if (items[chosen]) items[chosen].removeAttribute("aria-selected");
    chosen = items.length ? (number + items.length + 1) % (items.length + 1) : -1;
    if (chosen === items.length) chosen = -1;
    const item = items[chosen];
    if (item) {
      item.setAttribute("aria-selected", "true");
      item.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", item.id);
    } else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  }

  function show(found) {
    list.replaceChildren(...found.map((one, number) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${number}`;
      item.setAttribute("role", "option");
      item.dataset.address = one.address;
      item.dataset.kind = one.kind;
      const name = document.createElement("b"), title = document.createElement("small");
      name.textContent = one.name;
      title.textContent = one.title;
      item.append(name, title);
      return item;
    }));
    chosen = -1;
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!!found.length));
  }

  async function ask() {
    const typed = input.value.trim();
    if (typed === asked) return;
    asked = typed;
    if (!typed) return close();
    const answer = await fetch(`/search/proposals?q=${encodeURIComponent(typed)}`);
    if (answer.ok && asked === typed && document.activeElement === input) show(await answer.json());
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || list.hidden) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? list.children.length - 1 : chosen - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) location.assign(list.children[chosen].dataset.address);
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => {
    const item = event.target.closest("li");
    event.preventDefault();
    if (item) location.assign(item.dataset.address);
  });
  input.addEventListener("blur", close);
}

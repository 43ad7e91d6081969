// What makes pages nicer. Every page works without it.
"use strict";

const words = document.body.dataset;

async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  const label = button.querySelector(".label");
  button.classList.add("copied");
  if (label) label.textContent = words.copiedLabel;
  setTimeout(() => {
    button.classList.remove("copied");
    if (label) label.textContent = words.copyLabel;
  }, 1500);
}

function copyButton(text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-button";
  const label = document.createElement("span");
  label.className = "label";
  label.textContent = words.copyLabel;
  button.append(label);
  button.addEventListener("click", () => copy(text, button));
  return button;
}

if (navigator.clipboard) {
  for (const box of document.querySelectorAll("[data-copy]")) box.append(copyButton(box.querySelector("code").textContent));
  for (const button of document.querySelectorAll("[data-copy-text]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button.dataset.copyText, button));
  }
}

// Menus close when the reader goes elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("q").focus();
  }
});

// Other colours at once; without scripts the same buttons post a form.
const dark = document.getElementById("dark");
for (const form of document.querySelectorAll("form.theme")) {
  form.addEventListener("submit", (event) => {
    const theme = event.submitter.value;
    event.preventDefault();
    dark.media = theme === "dark" ? "all" : "not all";
    document.querySelector('meta[name="color-scheme"]').content = theme;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `yungu_theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
    form.querySelector(`.to-${theme === "dark" ? "light" : "dark"}`).focus();
  });
}

// A text that was changed and not sent is not lost by a wrong click.
for (const form of document.querySelectorAll("form[data-guard]")) {
  const text = form.querySelector("textarea");
  let isSent = false;
  form.addEventListener("submit", () => (isSent = true));
  addEventListener("beforeunload", (event) => {
    if (text && !isSent && text.value !== text.defaultValue) event.preventDefault();
  });
}

// On a narrow screen the chosen tab may be far to the right.
for (const tab of document.querySelectorAll(".tabs [aria-current], .admin-nav [aria-current]")) {
  const bar = tab.parentElement;
  bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
}

// A comment that an address names may stand in an older part of the thread.
const wanted = /^#comment-(\d+)$/.exec(location.hash);
if (wanted && document.querySelector(".thread") && !document.querySelector(wanted[0])) {
  const address = new URL(location.href);
  if (!address.searchParams.has("until")) {
    address.searchParams.set("until", wanted[1]);
    location.replace(address);
  }
}

// Parts of a page that take a moment come when they are in sight.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    seen.unobserve(entry.target);
    fetch(entry.target.dataset.part, { headers: { accept: "text/html" } })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
      .then((html) => { entry.target.innerHTML = html; })
      .catch(() => {}); // the link that stands there leads to the same
  }
});
for (const part of document.querySelectorAll("[data-part]")) seen.observe(part);

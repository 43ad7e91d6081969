// Keeps what changes on a page up to date while it changes. Without this it is reloaded by hand.
"use strict";

// Nothing that somebody writes there is lost.
function isUsed(live) {
  const isTyped = [...live.querySelectorAll("input, textarea")].some((one) => one.value !== one.defaultValue);
  return isTyped || live.contains(document.activeElement);
}

async function look() {
  const live = document.getElementById("live");
  if (!live || !live.dataset.watch) return;
  if (!document.hidden) {
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
      if (fresh && !isUsed(live)) live.replaceWith(document.adoptNode(fresh));
      const log = document.querySelector("#live .job-log");
      if (log) log.scrollTop = log.scrollHeight;
    } catch {
      // The server is away for a moment: the next look finds it again.
    }
  }
  setTimeout(look, Number(live.dataset.watch));
}

look();

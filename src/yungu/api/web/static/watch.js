// Keeps what changes on a page up to date while it changes. Without this it is reloaded by hand.
"use strict";

async function look() {
  const live = document.getElementById("live");
  if (!live || !live.dataset.watch) return;
  if (!document.hidden) {
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
      if (fresh && !live.contains(document.activeElement)) live.replaceWith(document.adoptNode(fresh));
      const log = document.querySelector("#live .job-log");
      if (log) log.scrollTop = log.scrollHeight;
    } catch {
      // The server is away for a moment: the next look finds it again.
    }
  }
  setTimeout(look, Number(live.dataset.watch));
}

look();

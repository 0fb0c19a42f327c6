// The libraries that come with the page: d3, and KaTeX when there is a formula to set.

import "./vendor/d3.min.js";

export const d3 = globalThis.d3;

let loading = null;

/** KaTeX with its style sheet; loaded at the first call. */
export function katex() {
  loading ??= load();
  return loading;
}

async function load() {
  if (document.documentElement.dataset.host === "server") document.head.append(styleSheet()); // else it is inside
  await import("./vendor/katex/katex.min.js");
  return globalThis.katex;
}

function styleSheet() {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = new URL("./vendor/katex/katex.min.css", import.meta.url).href;
  return sheet;
}

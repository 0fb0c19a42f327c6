// The libraries that come with the page: the modules of d3 that it needs, each after those it builds on (scales
// of time, and with them two modules, are left out), and KaTeX when there is a formula to set.

import "./vendor/d3/array.min.js";
import "./vendor/d3/color.min.js";
import "./vendor/d3/dispatch.min.js";
import "./vendor/d3/ease.min.js";
import "./vendor/d3/format.min.js";
import "./vendor/d3/interpolate.min.js";
import "./vendor/d3/selection.min.js";
import "./vendor/d3/timer.min.js";
import "./vendor/d3/transition.min.js";
import "./vendor/d3/drag.min.js";
import "./vendor/d3/scale.min.js";
import "./vendor/d3/brush.min.js";
import "./vendor/d3/zoom.min.js";

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

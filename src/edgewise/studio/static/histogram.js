// A histogram as an SVG picture, on the scale of its bins.

import { svg } from "./elements.js";
import { d3 } from "./vendor.js";

/**
 * A scale from values to pixels for bins from the studio.
 * @param {{scale: string, edges: number[]}} bins
 */
export function binScale(bins, left, right) {
  const make = bins.scale === "log" ? d3.scaleLog : d3.scaleLinear;
  return make([bins.edges[0], bins.edges.at(-1)], [left, right]);
}

/** The outline of bars as one path, `height` pixels for the highest count `most`. */
export function barsPath(counts, edges, toX, height, most = Math.max(1, ...counts)) {
  let path = "";
  counts.forEach((count, k) => {
    if (!count) return;
    const from = toX(edges[k]), to = toX(edges[k + 1]);
    const wide = Math.max(1, to - from - (to - from > 3 ? 0.75 : 0));
    const high = Math.max(1, (height * count) / most);
    path += `M${from.toFixed(2)} ${height}v${(-high).toFixed(2)}h${wide.toFixed(2)}v${high.toFixed(2)}z`;
  });
  return path;
}

/** A small histogram without axes; `words` is what a screen reader says. */
export function smallHistogram(bins, words, width = 120, height = 28) {
  const toX = binScale(bins, 0, width);
  const path = barsPath(bins.counts, bins.edges, toX, height);
  return svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": words },
    svg("path", { class: "bars", d: path }));
}

// A histogram.

import { svg } from "./elements.js";
import { ticksOf } from "./ticks.js";
import { d3 } from "./vendor.js";

const LEFT = 34, RIGHT = 10, TOP = 8, BOTTOM = 34;

/**
 * @param {{ends: number[], counts: number[], xName: string, said: string, wide?: number, high?: number}} data
 * @returns {SVGSVGElement}
 */
export function bars({ ends, counts, xName, said, wide = 320, high = 180 }) {
  const image = svg("svg", { class: "plot", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": said });
  const toX = d3.scaleLinear(d3.extent(ends), [LEFT, wide - RIGHT]);
  const toY = d3.scaleLinear([0, d3.max(counts)], [high - BOTTOM, TOP]);
  const axes = svg("g", { class: "axes", "aria-hidden": "true" });
  for (const { at, said: text } of ticksOf(toX, { across: true })) axes.append(svg("text", { x: toX(at), y: high - BOTTOM + 13, "text-anchor": "middle" }, text));
  for (const { at, said: text } of ticksOf(toY, { most: 3 }).filter((tick) => Number.isInteger(tick.at))) {
    axes.append(svg("line", { class: "grid", x1: LEFT, x2: wide - RIGHT, y1: toY(at), y2: toY(at) }));
    axes.append(svg("text", { x: LEFT - 5, y: toY(at) + 3.5, "text-anchor": "end" }, text));
  }
  axes.append(svg("text", { class: "axis-name", x: wide - RIGHT, y: high - 5, "text-anchor": "end" }, xName));
  const columns = counts.map((count, k) => {
    const x = toX(ends[k]);
    return svg("rect", { x, width: Math.max(toX(ends[k + 1]) - x - 0.7, 0.5), y: toY(count), height: high - BOTTOM - toY(count) });
  });
  const zero = svg("line", { class: "level", x1: toX(0), x2: toX(0), y1: TOP, y2: high - BOTTOM });
  image.append(axes, svg("g", { class: "bars" }, columns), ends[0] < 0 && ends.at(-1) > 0 ? zero : "");
  return image;
}

// A plot of points with two axes: linear or logarithmic, with lines across it, its points chosen by hand if they can be.

import { svg } from "./elements.js";
import { ticksOf } from "./ticks.js";
import { d3 } from "./vendor.js";

const LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 34;

/**
 * @typedef {object} Plot
 * @property {number[]} x - null where there is none
 * @property {number[]} y
 * @property {string} xName
 * @property {string} yName
 * @property {string} said - what a screen reader says of the whole
 * @property {boolean} [logX]
 * @property {boolean} [logY]
 * @property {{at: number, name?: string, about?: string}[]} [levels] - lines across the plot, dashed
 * @property {number} [wide]
 * @property {number} [high]
 * @property {(k: number) => {class?: string, r?: number, said?: string, choose?: () => void}} [point] - how the k-th looks
 */

/** @param {Plot} plot */
export function scatter(plot) {
  const { x, y, wide = 320, high = 220 } = plot;
  const shown = x.map((_, k) => k).filter((k) => x[k] !== null && y[k] !== null);
  const [toX, toY] = scales(plot, shown, wide, high);
  const buttons = shown.some((k) => plot.point?.(k).choose);
  const image = svg("svg", { class: "plot", viewBox: `0 0 ${wide} ${high}`, role: buttons ? "group" : "img", "aria-label": plot.said });
  image.append(axes(plot, toX, toY, wide, high));
  for (const { at, name, about } of plot.levels ?? []) {
    image.append(svg("line", { class: "level", x1: LEFT, x2: wide - RIGHT, y1: toY(at), y2: toY(at) }));
    if (name) image.append(svg("text", { x: LEFT + 4, y: toY(at) - 4, class: about ? "named" : null }, about ? svg("title", {}, about) : "", name));
  }
  image.append(svg("g", { class: "points" }, shown.map((k) => dot(plot, k, toX(x[k]), toY(y[k])))));
  return image;
}

function dot(plot, k, cx, cy) {
  const { choose, said, r = 2, class: kind = "" } = plot.point?.(k) ?? {};
  const mark = svg("circle", { class: `point ${kind}`, cx, cy, r });
  if (!choose) return mark;
  const group = svg("g", { class: "choice", role: "button", tabindex: 0, "aria-label": said, "data-point": k });
  group.append(svg("title", {}, said), svg("circle", { class: "near", cx, cy, r: 11 }), mark);
  group.addEventListener("click", choose);
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  });
  return group;
}

function scales({ x, y, logX, logY, levels = [] }, shown, wide, high) {
  const values = [...shown.map((k) => y[k]), ...levels.map((level) => level.at)];
  const along = shown.map((k) => x[k]);
  return [scale(along, logX, [LEFT, wide - RIGHT]), scale(values, logY, [high - BOTTOM, TOP])];
}

function scale(values, log, range) {
  if (!log) return d3.scaleLinear(padded(d3.extent(values)), range);
  const [low = 0.1, top = 1] = d3.extent(values);
  return d3.scaleLog([low / 1.4, top * 1.4], range);
}

function padded([low = 0, high = 1]) {
  const pad = 0.05 * (high - low) || Math.abs(high) * 0.05 || 0.5;
  return [low - pad, high + pad];
}

function axes({ xName, yName, logX, logY }, toX, toY, wide, high) {
  const group = svg("g", { class: "axes", "aria-hidden": "true" });
  const bottom = high - BOTTOM;
  for (const { at, said } of ticksOf(toX, { log: logX, across: true })) {
    group.append(svg("line", { class: "grid", x1: toX(at), x2: toX(at), y1: TOP, y2: bottom }));
    group.append(svg("text", { x: toX(at), y: bottom + 13, "text-anchor": "middle" }, said));
  }
  for (const { at, said } of ticksOf(toY, { log: logY })) {
    group.append(svg("line", { class: "grid", x1: LEFT, x2: wide - RIGHT, y1: toY(at), y2: toY(at) }));
    group.append(svg("text", { x: LEFT - 6, y: toY(at) + 3.5, "text-anchor": "end" }, said));
  }
  group.append(svg("text", { class: "axis-name", x: wide - RIGHT, y: high - 5, "text-anchor": "end" }, xName));
  group.append(svg("text", { class: "axis-name", x: 10, y: TOP + 2, "text-anchor": "end", transform: `rotate(-90 10 ${TOP + 2})` }, yName));
  return group;
}

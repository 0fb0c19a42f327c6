// Pictures of columns: curves with bands and densities, levels with bars; and the importance of parts.

import { html, svg } from "./elements.js";
import { figure } from "./words.js";
import { columnTicks, brief, said, scaleOf, ticks } from "./axes.js";

const WIDE = 300, HIGH = 196, LEFT = 40, RIGHT = 8, TOP = 8, BOTTOM = 36, DENSITY = 26;

/**
 * @typedef {object} Panel
 * @property {object} column
 * @property {object} drawn - from Python: x, band, log, gap
 * @property {(x: number) => number} value - what the column adds
 * @property {((x: number) => number)|null} before - what it added before edits
 * @property {Float64Array|null} other - what it adds in another model, at drawn.x
 * @property {[number, number]} range - of the vertical axis
 * @property {number[]} jumps - values where steps change
 * @property {string} note
 * @property {string} unit
 */

/** A figure of one column. @param {Panel} panel */
export function columnPanel(panel) {
  const readout = html("span", { class: "readout" });
  const picture = panel.column.kind === "category" ? levelsPicture(panel) : curvePicture(panel, readout);
  const head = html("figcaption", {}, html("strong", {}, panel.column.name), html("span", { class: "soft" }, panel.note + levelsWords(panel)), readout);
  return html("figure", { class: "panel" }, head, picture);
}

function levelsWords({ column, drawn }) {
  const all = column.labels?.length ?? 0;
  return all > drawn.x.length ? `, ${drawn.x.length} of ${all} levels` : "";
}

function frame(words, high = HIGH) {
  return svg("svg", { class: "plot", viewBox: `0 0 ${WIDE} ${high}`, role: "img", "aria-label": words });
}

const path = (points) => points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");

function yAxis(image, toY, range, right = WIDE - RIGHT) {
  for (const at of ticks(...range, 4)) {
    image.append(svg("line", { class: at === 0 ? "zero" : "grid", x1: LEFT, x2: right, y1: toY(at), y2: toY(at) }));
    image.append(svg("text", { class: "tick", x: LEFT - 5, y: toY(at) + 3.5, "text-anchor": "end" }, figure(at)));
  }
}

/** The places of a curve: those given, and both sides of each jump between its ends. */
function placesOf({ drawn, jumps }) {
  const [low, high] = [drawn.x[0], drawn.x.at(-1)];
  const sides = jumps.filter((at) => at >= low && at < high).flatMap((at) => [at, at + 1e-9 * (Math.abs(at) + high - low)]);
  return [...drawn.x, ...sides].sort((a, b) => a - b);
}

function curvePicture(panel, readout) {
  const { column, drawn, value, before, other, range } = panel;
  const low = drawn.x[0], high = drawn.x.at(-1);
  const right = WIDE - RIGHT - (column.missing > 0 ? 22 : 0);
  const toX = scaleOf(low, high, LEFT, right, drawn.log), toY = scaleOf(...range, HIGH - BOTTOM - 6, TOP);
  const image = frame(`What ${column.name} adds, from ${said(column, low)} to ${said(column, high)}.`);
  yAxis(image, toY, range);
  image.append(densityOf(column, toX, low, high));
  for (const { at, text } of columnTicks(column, low, high, drawn.log)) {
    if (toX(at) < LEFT - 1 || toX(at) > right + 1) continue;
    const half = 3.2 * text.length + 2, x = Math.min(toX(at), (column.missing > 0 ? right : WIDE) - half);
    image.append(svg("text", { class: "tick", x, y: HIGH - BOTTOM + 14, "text-anchor": "middle" }, text));
  }
  const middle = [...drawn.x].map(value);
  const band = [...middle.map((y, k) => [toX(drawn.x[k]), toY(y + drawn.band[k])]), ...middle.map((y, k) => [toX(drawn.x[k]), toY(y - drawn.band[k])]).reverse()];
  image.append(svg("path", { class: "band", d: `${path(band)}z` }));
  const places = placesOf(panel);
  if (before) image.append(svg("path", { class: "before", d: path(places.map((x) => [toX(x), toY(before(x))])) }));
  if (other) image.append(svg("path", { class: "other", d: path([...drawn.x].map((x, k) => [toX(x), toY(other[k])])) }));
  image.append(svg("path", { class: "curve", d: path(places.map((x) => [toX(x), toY(value(x))])) }));
  if (column.missing > 0) image.append(gapMark(panel, toY, WIDE - RIGHT - 9));
  follow(image, panel, toX, readout);
  return image;
}

function gapMark({ value, drawn }, toY, x) {
  const y = value(NaN), top = toY(y + drawn.gap), bottom = toY(y - drawn.gap);
  const mark = svg("path", { class: "diamond", d: `M${x} ${toY(y) - 4.5}l4 4.5l-4 4.5l-4 -4.5z` });
  const word = svg("text", { class: "tick", x, y: HIGH - BOTTOM + 14, "text-anchor": "middle" }, "gap");
  return svg("g", {}, svg("line", { class: "bar", x1: x, x2: x, y1: top, y2: bottom }), mark, word);
}

function densityOf(column, toX, low, high) {
  const most = Math.max(1, ...column.counts), floor = HIGH - BOTTOM;
  const bars = column.counts.map((count, k) => {
    const from = Math.max(column.edges[k], low), to = Math.min(column.edges[k + 1], high);
    if (!count || to <= from) return "";
    const tall = Math.max(1, (DENSITY * count) / most);
    return `M${toX(from).toFixed(2)} ${floor}v${-tall.toFixed(2)}H${toX(to).toFixed(2)}v${tall.toFixed(2)}z`;
  });
  return svg("path", { class: "density", d: bars.join("") });
}

/** Say the value below the pointer. */
function follow(image, { column, drawn, value }, toX, readout) {
  image.addEventListener("pointermove", (event) => {
    const box = image.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDE;
    const x = drawn.x.reduce((best, each) => (Math.abs(toX(each) - at) < Math.abs(toX(best) - at) ? each : best), drawn.x[0]);
    readout.textContent = `${said(column, x)}: ${signed(value(x))}`;
  });
  image.addEventListener("pointerleave", () => { readout.textContent = ""; });
}

/** A number with its sign. */
export const signed = (value) => (value > 0 ? `+${figure(value)}` : figure(value));

function levelsPicture({ column, drawn, value, before, other, range }) {
  const names = [...drawn.x].map((code) => brief(column.labels[code], 15));
  const left = Math.max(30, Math.min(112, 6.4 * Math.max(...names.map((name) => name.length)) + 10));
  const row = 17, high = Math.max(HIGH, names.length * row + 30), step = Math.min(42, (high - 30) / names.length);
  const toX = scaleOf(...range, left, WIDE - 40);
  const image = frame(`What each level of ${column.name} adds.`, high);
  for (const at of ticks(...range, 4)) {
    image.append(svg("line", { class: at === 0 ? "zero" : "grid", x1: toX(at), x2: toX(at), y1: 4, y2: high - 26 }));
    image.append(svg("text", { class: "tick", x: toX(at), y: high - 12, "text-anchor": "middle" }, figure(at)));
  }
  names.forEach((name, k) => {
    const code = drawn.x[k], y = 4 + step * (k + 0.5), at = value(code);
    image.append(svg("text", { class: "level", x: left - 6, y: y + 3.5, "text-anchor": "end" }, svg("title", {}, column.labels[code]), name));
    image.append(svg("line", { class: "bar", x1: toX(at - drawn.band[k]), x2: toX(at + drawn.band[k]), y1: y, y2: y }));
    if (before) image.append(svg("circle", { class: "before", cx: toX(before(code)), cy: y, r: 4 }));
    if (other) image.append(svg("circle", { class: "other", cx: toX(other[k]), cy: y, r: 6 }));
    image.append(svg("circle", { class: "dot", cx: toX(at), cy: y, r: 4 }, svg("title", {}, `${column.labels[code]}: ${signed(at)}`)));
    image.append(svg("text", { class: "tick", x: WIDE - 4, y: y + 3.5, "text-anchor": "end" }, String(column.counts[code])));
  });
  return image;
}

/** The importance of parts as bars: the share of the variance, with its standard error. */
export function importanceBars(rows, names, most = 15) {
  const shown = rows.slice(0, most).filter((row) => row.share > 0.0005);
  const top = Math.max(1e-9, ...shown.map((row) => row.share));
  const bars = shown.map((row) => {
    const error = `± ${figure(100 * row.share_error, 2)}`;
    const words = html("span", { class: "number" }, `${figure(100 * row.share, 3)} %`, html("span", { class: "soft" }, ` ${error}`));
    const bar = html("span", { class: "track" }, html("span", { class: "fill", look: { width: `${(100 * row.share) / top}%` } }));
    return html("li", {}, html("span", { class: "name", title: names[row.part] }, names[row.part]), bar, words);
  });
  const gone = rows.length - shown.length;
  const note = gone > 0 ? html("p", { class: "hint" }, `${gone} more ${gone > 1 ? "parts have" : "part has"} smaller shares.`) : "";
  return html("div", {}, html("ol", { class: "bars-list" }, bars), note);
}

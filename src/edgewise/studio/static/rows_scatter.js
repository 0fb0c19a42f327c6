// One quantity against another over a sample of the rows, with a brush that selects a rectangle of both.

import { html, svg } from "./elements.js";
import { binScale } from "./histogram.js";
import { rounded } from "./rows_histogram.js";
import { ticksOf, widest } from "./ticks.js";
import { d3 } from "./vendor.js";

const WIDE = 260, HIGH = 190;
const RIGHT = 8, TOP = 8, FOOT = 34;
const NAME = 24; // pixels left of the numbers of the axis, for its name
const SIZE = 11; // pixels of a letter
const NEAR = 10; // pixels from a dot at which a click is meant for it

/**
 * @param {object} found - the answer to `rows`
 * @param {{x: object, y: object, title: string, line: "diagonal"|"zero"}} plot - two of its columns
 * @param {{select: Function, details: {show: Function}, store: object}} page
 */
export function scatter(found, plot, page) {
  const toY = padded(plot.y, HIGH - FOOT, TOP);
  const left = NAME + widest(ticksOf(toY, { log: plot.y.scale === "log" }), SIZE);
  const toX = padded(plot.x, left, WIDE - RIGHT);
  const points = dots(found, plot, toX, toY);
  const place = svg("g", { class: "brush" });
  const picture = svg("svg", { class: "scatter", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${plot.title}, ${points.length} of ${found.rows} rows drawn` },
    ...axes(plot, toX, toY), reference(plot, toX, toY),
    svg("path", { class: "dots", d: dotPath(points.filter((point) => !point.chosen)) }),
    svg("path", { class: "dots chosen", d: dotPath(points.filter((point) => point.chosen)) }), place);
  const brush = d3.brush().extent([[left, TOP], [WIDE - RIGHT, HIGH - FOOT]]).on("end", (event) => {
    if (!event.sourceEvent) return;
    if (event.selection) page.select(rangesOf(event.selection, plot, toX, toY));
    else if (!clicked(d3.pointer(event.sourceEvent, picture), points, plot, page)) restore();
  });
  const restore = () => showRanges(place, brush, plot, page, toX, toY);
  d3.select(place).call(brush);
  restore();
  return html("figure", { class: "rows-plot" }, html("figcaption", {}, plot.title), picture);
}

/** A scale over what a column takes, with a little room at its ends. */
function padded(column, from, to) {
  const scale = binScale({ scale: column.scale, edges: [column.low, column.high] }, from, to);
  if (column.scale === "log") return scale;
  const room = 0.04 * (column.high - column.low || 1);
  return scale.domain([column.low - room, column.high + room]);
}

function dots(found, plot, toX, toY) {
  const { index, values, chosen } = found.sample;
  const [xs, ys] = [plot.x, plot.y].map((column) => values[found.columns.indexOf(column)]);
  const drawn = index.map((row, k) => ({ row, chosen: chosen[k], missing: xs[k] === null || ys[k] === null, x: toX(xs[k]), y: toY(ys[k]) }));
  return drawn.filter((point) => !point.missing && Number.isFinite(point.x) && Number.isFinite(point.y));
}

function dotPath(points) {
  return points.map((point) => `M${point.x.toFixed(1)} ${point.y.toFixed(1)}h0`).join("");
}

/** Where the network is right: the diagonal, or zero. */
function reference(plot, toX, toY) {
  const [x0, x1] = toX.domain();
  if (plot.line === "zero") return svg("path", { class: "reference", d: `M${toX.range()[0]} ${toY(0)}H${WIDE - RIGHT}` });
  const [y0, y1] = toY.domain();
  const low = Math.max(x0, y0), high = Math.min(x1, y1);
  return svg("path", { class: "reference", d: low < high ? `M${toX(low)} ${toY(low)}L${toX(high)} ${toY(high)}` : "" });
}

function axes(plot, toX, toY) {
  const [left] = toX.range();
  const bottom = svg("g", { class: "axis" }, svg("path", { d: `M${left} ${HIGH - FOOT}H${WIDE - RIGHT}` }));
  for (const { at, said } of ticksOf(toX, { log: plot.x.scale === "log", across: true, size: SIZE })) {
    bottom.append(svg("line", { x1: toX(at), x2: toX(at), y1: HIGH - FOOT, y2: HIGH - FOOT + 3 }));
    bottom.append(svg("text", { x: toX(at), y: HIGH - FOOT + 13, "text-anchor": "middle" }, said));
  }
  const side = svg("g", { class: "axis" }, svg("path", { d: `M${left} ${TOP}V${HIGH - FOOT}` }));
  for (const { at, said } of ticksOf(toY, { log: plot.y.scale === "log" })) {
    side.append(svg("line", { x1: left - 3, x2: left, y1: toY(at), y2: toY(at) }));
    side.append(svg("text", { x: left - 5, y: toY(at) + 3.5, "text-anchor": "end" }, said));
  }
  const names = [
    svg("text", { class: "axis-name", x: (left + WIDE - RIGHT) / 2, y: HIGH - 4, "text-anchor": "middle" }, plot.x.name),
    svg("text", { class: "axis-name", transform: `translate(11 ${(TOP + HIGH - FOOT) / 2}) rotate(-90)`, "text-anchor": "middle" }, plot.y.name),
  ];
  return [bottom, side, ...names];
}

function rangesOf([[left, top], [right, bottom]], plot, toX, toY) {
  const across = { name: plot.x.name, ...rounded([toX.invert(left), toX.invert(right)], plot.x) };
  const up = { name: plot.y.name, ...rounded([toY.invert(bottom), toY.invert(top)], plot.y) };
  return [across, up];
}

/** Draw the rectangle of the ranges of both, where there are such. */
function showRanges(place, brush, plot, page, toX, toY) {
  const ranges = [plot.x, plot.y].map((column) => (page.store.rows ?? []).find((range) => range.name === column.name));
  if (!ranges[0] || !ranges[1]) return;
  const inside = (value, low, high) => Math.min(high, Math.max(low, Number.isFinite(value) ? value : low));
  const [left, right] = [ranges[0].low, ranges[0].high].map((value) => inside(toX(value), toX.range()[0], WIDE - RIGHT));
  const [bottom, top] = [ranges[1].low, ranges[1].high].map((value) => inside(toY(value), TOP, HIGH - FOOT));
  if (right > left && bottom > top) d3.select(place).call(brush.move, [[left, top], [right, bottom]]);
}

/** A click shows the nearest row; one far from all takes the ranges of this plot away, and true says so. */
function clicked([x, y], points, plot, page) {
  const near = d3.least(points, (point) => Math.hypot(point.x - x, point.y - y));
  if (near && Math.hypot(near.x - x, near.y - y) <= NEAR) {
    page.details.show(near.row);
    return false;
  }
  const names = [plot.x.name, plot.y.name];
  const gone = (page.store.rows ?? []).filter((range) => names.includes(range.name));
  if (gone.length) page.select(gone.map(({ name }) => ({ name, low: null, high: null })));
  return gone.length > 0;
}

// The large curve of an edge: where the data is, where its knots end, and a curve that it could have instead.

import { svg } from "./elements.js";
import { polyline } from "./shapes.js";
import { ticksOf } from "./ticks.js";
import { d3 } from "./vendor.js";
import { figure } from "./words.js";

const WIDE = 380,
  HIGH = 230;
const LEFT = 46,
  RIGHT = 10,
  TOP = 10,
  BOTTOM = 30;
const DENSITY = 0.24; // of the height
const DOTS = 60;

/**
 * @param {object} edge - the answer to the request `edge`
 * @param {{from: string, name: string}} words - of the axis and the picture
 * @param {{x: number[], y: number[], title: string}|null} other - a curve to compare with
 */
export function edgePlot(edge, words, other = null) {
  const [toX, toY] = scales(edge, other);
  const image = svg("svg", {
    class: "edge-plot",
    viewBox: `0 0 ${WIDE} ${HIGH}`,
    role: "img",
    "aria-label": said(edge, words, other),
  });
  const named = levels(edge);
  image.append(axes(toX, toY, words.from, named), density(edge, toX), ends(edge, toX));
  if (!named) image.append(svg("path", { class: `curve ${edge.function ? "symbolic" : ""}`, d: polyline(edge.x, edge.y, toX, toY) }));
  image.append(dots(edge, toX, toY, named ? 5 : 2.4));
  if (other) image.append(svg("path", { class: "curve other", d: polyline(other.x, other.y, toX, toY) }));
  /** Where a pointer is, in units of the axes. */
  image.place = (event) => {
    const box = image.getBoundingClientRect();
    return [toX.invert(((event.clientX - box.left) / box.width) * WIDE), toY.invert(((event.clientY - box.top) / box.height) * HIGH)];
  };
  return image;
}

function said(edge, words, other) {
  const range = `${words.from} from ${figure(d3.min(edge.x))} to ${figure(d3.max(edge.x))}`;
  const values = `values ${figure(d3.min(edge.y))} to ${figure(d3.max(edge.y))}`;
  return `Curve of ${words.name}, ${range}, ${values}${other ? `; over it ${other.title}` : ""}`;
}

function scales(edge, other) {
  const toX = d3.scaleLinear(levels(edge) ? [-0.4, 1.4] : d3.extent(edge.x), [LEFT, WIDE - RIGHT]);
  const [low, high] = d3.extent(edge.y);
  const room = (high - low || 1) * 1.5; // a candidate that leaves the picture does not flatten the curve
  const inside = (other?.y ?? []).filter((y) => y !== null && y > low - room && y < high + room);
  const [least, most] = d3.extent([...edge.y, ...inside]);
  const pad = 0.06 * (most - least) || 0.5;
  return [toX, d3.scaleLinear([least - pad, most + pad], [HIGH - BOTTOM, TOP])];
}

/** The two values of an input that tells a level of a column from the others, or gaps from values, by name. */
function levels({ meaning }) {
  if (!["level", "gap"].includes(meaning?.kind)) return null;
  const [zero, one] = meaning.kind === "gap" ? ["there", "missing"] : ["others", meaning.levels[0]];
  return [{ at: 0, said: zero }, { at: 1, said: one }];
}

function axes(toX, toY, from, named) {
  const group = svg("g", { class: "axes" });
  for (const { at, said: text } of named ?? ticksOf(toX, { across: true })) {
    group.append(svg("line", { class: "grid", x1: toX(at), x2: toX(at), y1: TOP, y2: HIGH - BOTTOM }));
    group.append(svg("text", { x: toX(at), y: HIGH - BOTTOM + 13, "text-anchor": "middle" }, text));
  }
  for (const { at, said: text } of ticksOf(toY)) {
    group.append(svg("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: toY(at), y2: toY(at) }));
    group.append(svg("text", { x: LEFT - 6, y: toY(at) + 3.5, "text-anchor": "end" }, text));
  }
  group.append(svg("text", { class: "axis-name", x: WIDE - RIGHT, y: HIGH - 4, "text-anchor": "end" }, from));
  return group;
}

/** Some of the rows on the curve. */
function dots({ dots: [xs, ys] }, toX, toY, r) {
  const every = Math.ceil(xs.length / DOTS);
  const places = xs.map((x, k) => [x, ys[k]]).filter(([x, y], k) => k % every === 0 && x !== null && y !== null);
  return svg(
    "g",
    { class: "dots" },
    places.map(([x, y]) => svg("circle", { cx: toX(x), cy: toY(y), r })),
  );
}

function density({ density: { edges, counts } }, toX) {
  const most = Math.max(...counts, 1);
  const high = DENSITY * (HIGH - TOP - BOTTOM);
  const bars = counts.map((count, k) => {
    const x = toX(edges[k]);
    const tall = (count / most) * high;
    return svg("rect", { x, width: Math.max(toX(edges[k + 1]) - x - 0.5, 0.5), y: HIGH - BOTTOM - tall, height: tall });
  });
  return svg("g", { class: "density" }, bars);
}

/** Where the knots end: beyond, the curve extrapolates. */
function ends({ knots, function: name }, toX) {
  if (name || !knots?.length) return svg("g");
  const [low, high] = toX.domain();
  const inside = knots.filter((knot) => knot !== null && knot > low && knot < high);
  return svg(
    "g",
    { class: "knots" },
    inside.map((knot) => svg("line", { x1: toX(knot), x2: toX(knot), y1: TOP, y2: HIGH - BOTTOM })),
  );
}

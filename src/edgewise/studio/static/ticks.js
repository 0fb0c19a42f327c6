// Where an axis has its ticks, and how they are written: as many as there is room for.

import { d3 } from "./vendor.js";
import { figure } from "./words.js";

const LETTER = 0.56; // of the size of the letters
const GAP = 10; // pixels between the numbers of a horizontal axis

/**
 * The ticks of a scale with their words.
 * @param {object} scale - of d3
 * @param {{log?: boolean, most?: number, across?: boolean, size?: number}} [given] - `across` is a horizontal axis,
 *   whose numbers must not run together; `size` is that of the letters, in pixels
 * @returns {{at: number, said: string}[]}
 */
export function ticksOf(scale, { log = false, most = 5, across = false, size = 10.5 } = {}) {
  for (let count = most; count > 1; count--) {
    const ticks = said(log ? decades(scale, count) : scale.ticks(count), log);
    if (!across || fit(ticks, scale, size)) return ticks;
  }
  return said([scale.domain()[0]], log);
}

/** How wide the longest of some ticks is, in pixels. */
export function widest(ticks, size = 10.5) {
  return Math.max(0, ...ticks.map((tick) => tick.said.length)) * LETTER * size;
}

function fit(ticks, scale, size) {
  const places = ticks.map((tick) => scale(tick.at));
  const step = d3.min(d3.pairs(places), ([a, b]) => Math.abs(b - a)) ?? Infinity;
  return step >= widest(ticks, size) + GAP;
}

/** Values of a logarithmic scale: powers of ten, and numbers between them where it is short. */
function decades(scale, count) {
  const [low, high] = scale.domain().map(Math.log10);
  if (high - low < 1.2) {
    const all = scale.ticks(count);
    return all.filter((_, k) => k % Math.ceil(all.length / count) === 0);
  }
  const step = Math.max(1, Math.ceil((high - low) / count));
  return d3.range(Math.ceil(low), high + 1e-9, step).map((power) => 10 ** power);
}

/** Numbers as texts: with as many digits as tell them apart, large and small ones as powers of ten. */
function said(values, log) {
  const most = Math.max(...values.map(Math.abs));
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : most;
  const digits = log ? 2 : Math.max(2, Math.min(12, Math.ceil(Math.log10(most / step || 1)) + 1));
  return values.map((at) => ({ at, said: short(at, digits, most) }));
}

function short(value, digits, most) {
  const size = most >= 1e5 || (most < 1e-3 && most > 0);
  if (!size || value === 0) return figure(Number(value.toPrecision(digits)), digits);
  return value.toExponential(digits - 1).replace(/\.?0*e/, "e").replace("e+", "e").replaceAll("-", "−");
}

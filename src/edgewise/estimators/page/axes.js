// Scales, ticks and dates of the pictures.

import { figure } from "./words.js";

export const DAY = 86400000;

/** A scale from values to pixels. */
export function scaleOf(low, high, from, to, log = false) {
  const map = log ? Math.log : (v) => v;
  const [a, b] = [map(low), map(high)];
  return (value) => from + ((map(value) - a) / (b - a || 1)) * (to - from);
}

/** Round numbers between two values, about `most` of them. */
export function ticks(low, high, most = 5, log = false) {
  if (log && high / low > 30) {
    const found = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) found.push(10 ** power);
    return found.filter((_, k) => k % Math.ceil(found.length / most) === 0);
  }
  const rough = (high - low) / most || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((each) => each >= 0.75 * rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

/** A value of a column in words: a number, a date, the name of a level. */
export function said(column, value) {
  if (value === null || Number.isNaN(value)) return "missing";
  if (column.kind === "category") return column.labels[value] ?? "unknown";
  if (column.kind === "date") return new Date(value * DAY).toISOString().slice(0, value % 1 ? 16 : 10);
  return figure(value, 4);
}

/** Ticks of a column's axis with their words. */
export function columnTicks(column, low, high, log) {
  if (column.kind !== "date") {
    const found = ticks(low, high, 4, log).filter((at) => !column.whole || Number.isInteger(at));
    return found.map((at) => ({ at, text: figure(at, 4) }));
  }
  const years = (high - low) / 365.25;
  return ticks(low, high, 3).map((at) => {
    const text = new Date(at * DAY).toISOString();
    return { at, text: years > 8 ? text.slice(0, 4) : years > 0.7 ? text.slice(0, 7) : text.slice(5, 10) };
  });
}

/** A text, shortened to some letters. */
export function brief(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

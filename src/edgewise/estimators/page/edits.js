// Edits by hand in the page: a preview of what `model.edited` does, on the rows that the page has.

/** Isotonic regression: the rising values nearest to `values`, by weighted least squares. */
export function isotonic(values, weights) {
  const blocks = [];
  values.forEach((value, k) => {
    blocks.push({ mean: value, weight: weights[k], count: 1 });
    while (blocks.length > 1 && blocks.at(-2).mean > blocks.at(-1).mean) {
      const last = blocks.pop(), before = blocks.pop();
      const weight = before.weight + last.weight;
      const mean = (before.mean * before.weight + last.mean * last.weight) / weight;
      blocks.push({ mean, weight, count: before.count + last.count });
    }
  });
  return blocks.flatMap(({ mean, count }) => Array(count).fill(mean));
}

/** The index of the last of ascending places that is at most x, from 0. */
function before(places, x) {
  let low = 0, high = places.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (places[middle] <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

function interpolated(places, values, x) {
  const k = Math.min(before(places, x), places.length - 2);
  if (k < 0) return values[0];
  const share = Math.min(Math.max((x - places[k]) / (places[k + 1] - places[k]), 0), 1);
  return values[k] + share * (values[k + 1] - values[k]);
}

const isIn = (edit, x) => x >= (edit.low ?? -Infinity) && x <= (edit.high ?? Infinity);

/**
 * What an edit of a column makes of its function of one value.
 * @param {object} edit - as `edgewise.estimators.Edit`; levels are the numbers of levels, null for a gap
 * @param {(x: number) => number} value - what the column adds at x
 * @param {number[]} seen - the values of the rows
 * @returns {(x: number) => number}
 */
export function editedValue(edit, value, seen) {
  if (edit.change === "removed") return () => 0;
  if (edit.levels.length) {
    const codes = new Set(edit.levels.map((level) => (level === null ? NaN : level)));
    const rows = seen.filter((x) => codes.has(x)).map(value);
    const all = rows.length ? rows : [...codes].map(value);
    const to = edit.change === "fixed" ? edit.amount : all.reduce((a, b) => a + b, 0) / all.length;
    return (x) => (codes.has(x) ? (edit.change === "raised" ? value(x) + edit.amount : to) : value(x));
  }
  if (edit.change === "raised") return (x) => value(x) + (isIn(edit, x) ? edit.amount : 0);
  if (edit.change === "fixed") return (x) => (isIn(edit, x) ? edit.amount : value(x));
  const rows = seen.filter((x) => isIn(edit, x)).sort((a, b) => a - b);
  if (!rows.length) return value;
  if (edit.change === "flat") {
    const mean = rows.reduce((total, x) => total + value(x), 0) / rows.length;
    return (x) => (isIn(edit, x) ? mean : value(x));
  }
  return monotone(edit, value, rows);
}

function monotone(edit, value, rows) {
  const sign = edit.change === "rising" ? 1 : -1, count = 400;
  const [low, high] = [rows[0], rows.at(-1)];
  const even = Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));
  const places = [...new Set([...rows, ...even])].sort((a, b) => a - b);
  const weights = places.map(() => 1e-6);
  for (const x of rows) weights[before(places, x)] += 1;
  const values = isotonic(places.map((x) => sign * value(x)), weights).map((v) => sign * v);
  return (x) => (isIn(edit, x) ? interpolated(places, values, x) : value(x));
}

/**
 * The changes of contributions by a list of edits, in their order.
 * @param {object[]} edits - each with the number of its part, and the sums (of a fit) that it is about
 * @param {(part: number, k: number) => (x: number) => number} valueOf - what a column adds to a sum
 * @param {number} columns - how many of the parts are columns
 * @param {(column: number) => number[]} seen - the values of the rows
 * @returns {(part: number, values: Float64Array, x: ArrayLike<number>) => Float64Array} as `contributions` takes it
 */
export function editor(edits, valueOf, columns, seen) {
  const functions = new Map(), removed = new Map();
  for (const edit of edits) {
    for (const k of edit.sums) {
      const key = `${edit.part}/${k}`;
      if (edit.part >= columns) removed.set(key, true);
      else functions.set(key, editedValue(edit, functions.get(key) ?? valueOf(edit.part, k), seen(edit.part)));
    }
  }
  return (part, values, x) => {
    if (!functions.size && !removed.size) return values;
    return values.map((value, k) => {
      const key = `${part}/${k}`;
      if (removed.has(key)) return 0;
      return functions.has(key) ? functions.get(key)(x[part]) : value;
    });
  };
}

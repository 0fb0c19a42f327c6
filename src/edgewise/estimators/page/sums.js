// The sum of a fit: the same curves, products, steps and links as in Python, to the rounding of float32.

const DEGREE = 3;
const ARRAYS = { f4: Float32Array, f8: Float64Array };

/** The numbers of a packed array: {f4: base64} or {f8: base64}. */
export function unpacked(packed) {
  const [[kind, text]] = Object.entries(packed);
  return new ARRAYS[kind](Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

/** The same tree of values with every packed array as numbers. */
export function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] in ARRAYS) return unpacked(value);
  return Object.fromEntries(keys.map((key) => [key, decoded(value[key])]));
}

/** The number of sums that a fit has: classes, or one. */
export const widthOf = (fit) => fit.baseline.length;

/** The cell of cubic B-splines that z lies in, and the four that are not zero there. */
function splines(knots, z) {
  const last = knots.length - DEGREE - 1;
  const at = Math.min(Math.max(z, knots[DEGREE]), knots[last]);
  let low = DEGREE, high = last - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (knots[middle] <= at) low = middle;
    else high = middle - 1;
  }
  const found = [1];
  for (let degree = 1; degree <= DEGREE; degree++) {
    let saved = 0;
    for (let r = 0; r < degree; r++) {
      const right = knots[low + r + 1] - at, left = at - knots[low + 1 - degree + r];
      const part = found[r] / (right + left);
      found[r] = saved + right * part;
      saved = left * part;
    }
    found[degree] = saved;
  }
  return { first: low - DEGREE, values: found };
}

function standardized(input, x) {
  const v = x / input.scale;
  let t = v;
  if (input.axis === "log") t = Math.log(Math.max(v + input.moved, 1e-300));
  if (input.axis === "asinh") t = Math.asinh((v - input.center) / input.width);
  return (t - input.middle) / input.deviation;
}

/** Splines of rows (m, width) at z, each in `out`. */
function combined(knots, rows, width, z, out) {
  const { first, values } = splines(knots, z);
  for (let k = 0; k < width; k++) {
    out[k] = 0;
    for (let r = 0; r <= DEGREE; r++) out[k] += values[r] * rows[(first + r) * width + k];
  }
  return out;
}

/** What an input adds at a value of its column, from `values` (points or levels, width); NaN is a gap. */
function inputValue(input, values, width, x, out) {
  out.fill(0);
  if (input.kind === "curve") {
    if (Number.isNaN(x) && input.gaps) return out;
    return combined(input.knots, values, width, Number.isNaN(x) ? 0 : standardized(input, x), out);
  }
  const row = input.kind === "gap" ? (Number.isNaN(x) ? 0 : -1) : input.levels.indexOf(x);
  if (row >= 0) for (let k = 0; k < width; k++) out[k] = values[row * width + k];
  return out;
}

function factors(fit, side, x) {
  const input = fit.inputs[side.input], found = new Float64Array(side.width);
  if (side.functions) return inputValue(input, side.functions, side.width, x[input.column], found);
  const level = input.levels.indexOf(x[input.column]);
  side.levels.forEach((number, k) => { found[k] = number === level ? 1 : 0; });
  return found;
}

/** The cell of a column's bins: 0 for gaps and unknown levels. */
export function cellOf(bins, x) {
  if (Number.isNaN(x)) return 0;
  if (bins.levels) return x >= 0 && x < bins.levels ? 1 + x : 0;
  let low = 0, high = bins.cuts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bins.cuts[middle] < x) low = middle + 1;
    else high = middle;
  }
  return 1 + low;
}

const sizeOf = (bins) => 1 + (bins.levels || bins.cuts.length + 1);

function addTable(table, x, width, out) {
  let cell = 0;
  table.bins.forEach((bins, k) => { cell = cell * sizeOf(bins) + cellOf(bins, x[table.columns[k]]); });
  for (let k = 0; k < width; k++) out[k] += table.values[cell * width + k] - table.mean[k];
}

function addProduct(fit, product, x, width, out) {
  const [first, second] = product.sides.map((side) => factors(fit, side, x));
  for (let k = 0; k < width; k++) out[k] -= product.mean[k];
  for (let a = 0; a < first.length; a++) {
    if (first[a] === 0) continue;
    for (let b = 0; b < second.length; b++) {
      for (let k = 0; k < width; k++) out[k] += first[a] * second[b] * product.values[(a * second.length + b) * width + k];
    }
  }
}

function hiddenValue(fit, x) {
  const { hidden } = fit, one = new Float64Array(1);
  let u = 0;
  hidden.inputs.forEach((side, k) => {
    const input = fit.inputs[k];
    u += inputValue(input, side.values, 1, x[input.column], one)[0] + side.shift;
  });
  const low = hidden.knots[DEGREE], high = hidden.knots[hidden.knots.length - DEGREE - 1];
  const inside = Math.min(Math.max(u, low), high);
  const slope = u < low ? hidden.slopes[0] : hidden.slopes[1];
  return combined(hidden.knots, hidden.values, 1, inside, one)[0] + slope * (u - inside) - hidden.mean;
}

/**
 * What one part adds to the sums of a fit, about its mean: a column, a set of columns, or the hidden node.
 * @param {object} fit
 * @param {number} part - columns first, then sets of columns, then the hidden node
 * @param {ArrayLike<number>} x - a value for each column: NaN for a gap, the number of a level
 * @returns {Float64Array} a number for each sum
 */
export function contribution(fit, part, x) {
  const width = widthOf(fit), out = new Float64Array(width), own = new Float64Array(width);
  for (const input of fit.inputs) {
    if (input.column !== part) continue;
    inputValue(input, input.values, width, x[part], own);
    for (let k = 0; k < width; k++) out[k] += own[k] + input.shift[k];
  }
  for (const product of fit.products) if (product.part === part) addProduct(fit, product, x, width, out);
  for (const table of fit.tables) if (table.part === part) addTable(table, x, width, out);
  if (fit.hidden && part === fit.parts.length - 1) out.fill(hiddenValue(fit, x));
  return out;
}

/** What all parts add, one after another; `edited` may change what a column adds. */
export function contributions(fit, x, edited = (part, values) => values) {
  return fit.parts.map((_, part) => edited(part, contribution(fit, part, x), x));
}

/** The sums: baseline and contributions together; `rest` is what the page has left out. */
export function sums(fit, parts, rest = null) {
  return fit.baseline.map((value, k) => parts.reduce((total, part) => total + part[k], value) + (rest ? rest[k] : 0));
}

const bounded = (value, most) => Math.min(Math.max(value, -most), most);

/** The prediction of sums: a number, or the probability of each class. */
export function prediction(link, eta) {
  if (link.kind === "logistic") {
    const p = 1 / (1 + Math.exp(-bounded(eta[0], 30)));
    return [1 - p, p];
  }
  if (link.kind === "softmax") {
    const top = Math.max(...eta), powers = eta.map((value) => Math.exp(value - top));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((value) => value / total);
  }
  if (link.kind === "ordered") {
    const below = link.thresholds.map((edge) => 1 / (1 + Math.exp(eta[0] - edge)));
    return [...below, 1].map((p, k) => Math.max(p - (k ? below[k - 1] : 0), 0));
  }
  if (link.kind === "negated") return [-eta[0]];
  if (link.kind === "exp") return [Math.exp(bounded(eta[0], link.largest))];
  if (link.kind === "identity") return [eta[0]];
  const largest = link.largest ?? Infinity;
  let total = 0;
  for (const error of link.errors) {
    const mapped = eta[0] + error;
    total += link.kind === "log"
      ? Math.exp(Math.min(mapped, Math.log(largest)))
      : (Math.min(Math.max(mapped, 0), 2 * Math.sqrt(largest)) / 2) ** 2;
  }
  return [total / link.errors.length];
}

/** Minus the log-likelihood of a count, with Var y = mean + dispersion mean^2. */
function ofCount(y, mean, dispersion) {
  const size = 1 / dispersion;
  let total = (y + size) * Math.log1p(mean / size) - y * Math.log(mean / size);
  for (let k = 0; k < y; k++) total += Math.log((k + 1) / (size + k));
  return total;
}

/** The loss of a row: squared error, absolute or pinball error, log loss, or a deviance; `y` is on the target's scale. */
export function loss(kind, eta, y, link) {
  if (kind.name === "log") return -Math.log(Math.max(prediction(link, eta)[y], 1e-12));
  if (link.kind === "exp") {
    const [mean] = prediction(link, eta), p = kind.power;
    if (kind.name === "counts") return ofCount(y, mean, kind.dispersion);
    if (kind.name === "tweedie")
      return 2 * (y ** (2 - p) / ((1 - p) * (2 - p)) - (y * mean ** (1 - p)) / (1 - p) + mean ** (2 - p) / (2 - p));
    if (kind.name === "gamma") return 2 * ((y - mean) / mean - Math.log(y / mean));
    return 2 * ((y > 0 ? y * Math.log(y / mean) : 0) - (y - mean));
  }
  const map = { identity: (v) => v, log: Math.log, sqrt: (v) => 2 * Math.sqrt(v) }[link.kind];
  const residual = map(y) - eta[0];
  if (kind.name === "squared") return residual ** 2;
  if (kind.name === "absolute") return Math.abs(residual);
  return Math.max(kind.level * residual, (kind.level - 1) * residual);
}

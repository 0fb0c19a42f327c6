// The histogram of one quantity, of all and of the selected rows, with a brush and two number fields that select.

import { html, svg } from "./elements.js";
import { barsPath, binScale } from "./histogram.js";
import { d3 } from "./vendor.js";
import { figure } from "./words.js";

const WIDE = 200, HIGH = 56, FOOT = 14;
const LETTERS = 8; // that a number field has room for

/**
 * @param {string} name - of the quantity
 * @param {string} kind - in words, or nothing
 * @param {{select: (ranges: object[]) => void}} page
 * @returns {HTMLElement} with `update(column, range)`
 */
export function histogramCard(name, kind, page) {
  const all = svg("path", { class: "bars" }), chosen = svg("path", { class: "bars chosen" });
  const ends = ["start", "end"].map((anchor, k) => svg("text", { x: k * WIDE, y: HIGH + FOOT - 3, "text-anchor": anchor, class: "tick" }));
  const place = svg("g", { class: "brush" });
  const picture = svg("svg", { class: "histogram", viewBox: `0 0 ${WIDE} ${HIGH + FOOT}`, "aria-hidden": "true" }, all, chosen, ...ends, place);
  const fields = ["from", "to"].map((end) => html("input", { type: "number", step: "any", class: "rows-end", "aria-label": `${name} ${end}`, placeholder: end, on: { change: () => typed() } }));
  const element = html("section", { class: "rows-card", "aria-label": kind ? `${name}, ${kind}` : name },
    html("h3", {}, html("span", { class: "column-name" }, name), html("span", { class: "start-about" }, kind)),
    picture, html("div", { class: "rows-fields" }, fields[0], html("span", { "aria-hidden": "true" }, "–"), fields[1]));
  const state = { column: null, range: null, toX: null };
  const brush = d3.brushX().extent([[0, 0], [WIDE, HIGH]]).on("end", brushed);
  d3.select(place).call(brush).style("touch-action", "pan-y"); // a finger that moves up or down scrolls the page

  function brushed(event) {
    if (!event.sourceEvent) return; // set by update, not by a hand
    if (!event.selection) {
      if (state.range) page.select([{ name, low: null, high: null }]);
      return;
    }
    page.select([{ name, ...rounded(barsUnder(event.selection, state), state.column) }]);
  }

  function typed() {
    const [low, high] = fields.map(valueOf);
    const { column } = state;
    if (low === null && high === null) page.select([{ name, low: null, high: null }]);
    else page.select([{ name, low: low ?? column.low, high: high ?? column.high }]);
  }

  element.update = (column, range) => {
    state.column = column;
    state.range = range;
    state.toX = binScale(column, 0, WIDE);
    const most = Math.max(1, ...column.counts);
    all.setAttribute("d", barsPath(column.counts, column.edges, state.toX, HIGH, most));
    chosen.setAttribute("d", barsPath(column.selected, column.edges, state.toX, HIGH, most));
    ends[0].textContent = figure(column.low, 4);
    ends[1].textContent = figure(column.high, 4);
    [range?.low, range?.high].forEach((value, k) => document.activeElement !== fields[k] && write(fields[k], value ?? null));
    const shown = range && [range.low, range.high].map((value) => clamp(state.toX(Math.max(value, column.scale === "log" ? 1e-300 : -Infinity))));
    d3.select(place).call(brush.move, shown && shown[1] > shown[0] ? shown : null);
    element.classList.toggle("brushed", Boolean(range));
  };
  return element;
}

/** The bars that a brush covers by half or more, at least one, as a range of values. */
function barsUnder([left, right], { column, toX }) {
  const { edges } = column;
  const nearest = (x) => d3.leastIndex(edges, (edge) => Math.abs(toX(edge) - x));
  const [first, last] = [nearest(left), nearest(right)];
  if (first < last) return [edges[first], edges[last]];
  const middle = Math.min(Math.max(d3.bisect(edges.map(toX), (left + right) / 2) - 1, 0), edges.length - 2);
  return [edges[middle], edges[middle + 1]];
}

/** Show a number in a field at as many digits as there is room for; it keeps them all. */
function write(field, value) {
  let text = value === null ? "" : String(value);
  for (let digits = 6; text.length > LETTERS && digits > 2; digits--) text = String(Number(value.toPrecision(digits)));
  field.value = text;
  Object.assign(field, { shown: field.value, exact: value, title: value === null ? "" : String(value) });
}

/** The number of a field, as exact as it was where nobody typed. */
function valueOf(field) {
  if (field.value === field.shown) return field.exact;
  return field.value === "" ? null : Number(field.value);
}

function clamp(x) {
  return Math.min(WIDE, Math.max(0, x));
}

/** A range at as many digits as a pixel tells apart; its ends are the column's where the brush reaches them. */
export function rounded([low, high], column) {
  const first = column.edges[0], last = column.edges.at(-1);
  const ends = [low, high].map((value) => {
    const digits = column.scale === "log" ? 3 : Math.max(1, Math.min(15, Math.ceil(Math.log10(Math.max(Math.abs(first), Math.abs(last)) / (last - first))) + 3));
    return Number(value.toPrecision(digits));
  });
  if (low <= first) ends[0] = Math.min(first, column.low);
  if (high >= last) ends[1] = Math.max(last, column.high);
  return { low: ends[0], high: ends[1] };
}

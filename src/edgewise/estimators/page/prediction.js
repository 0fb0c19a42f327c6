// One prediction: a row to choose, what each part adds to it, and other values to try.

import { button, field, html } from "./elements.js";
import { figure, percent } from "./words.js";
import { contributions, prediction, sums, widthOf } from "./sums.js";
import { DAY, brief, said } from "./axes.js";
import { signed } from "./panels.js";

const MOST = 12; // bars of a waterfall
const FAINT = 0.002; // of all contributions: smaller ones are in one bar

/** The part of a page about one prediction; `update` draws it again. */
export function predictionSection(state) {
  const result = html("div", { class: "waterfall", "aria-live": "polite" });
  const controls = html("div", { class: "controls" });
  const draw = () => result.replaceChildren(...waterfall(state));
  const choose = () => {
    controls.replaceChildren(...state.order.map((column) => control(state, column, draw)));
    draw();
  };
  const head = rowChooser(state, choose);
  const back = button("Values of the row again", () => { state.chooseRow(state.row); choose(); }, { class: "again" });
  const whatIf = html("div", {}, html("h3", {}, "What if"), controls, back);
  const element = html("section", { id: "prediction" }, html("h2", {}, "One prediction"), head, html("div", { class: "two" }, result, whatIf));
  choose();
  return { element, update: draw };
}

function rowChooser(state, choose) {
  const last = state.rows.count;
  const number = html("input", { type: "number", min: last ? 1 : 0, max: last, value: state.row === null ? 0 : state.row + 1 });
  const name = html("span", { class: "soft" });
  const go = (k) => {
    state.chooseRow(k >= 1 && k <= last ? k - 1 : null);
    number.value = state.row === null ? 0 : state.row + 1;
    name.textContent = state.row === null ? "typical values: medians and the most frequent levels" : `index ${state.rows.names[state.row]}`;
    choose();
  };
  number.addEventListener("change", () => go(Number(number.value)));
  const box = field(`Row, 1 to ${last}; 0 for typical values`, number);
  name.textContent = state.row === null ? "typical values: medians and the most frequent levels" : `index ${state.rows.names[state.row]}`;
  const step = (by) => go(((state.row ?? -1) + by + last) % last + 1);
  return html("div", { class: "chooser" }, box, last ? button("‹", () => step(-1), { name: "The row before" }) : "", last ? button("›", () => step(1), { name: "The next row" }) : "", name);
}

/** A control for the value of a column. */
function control(state, column, draw) {
  const about = state.columns[column];
  const set = (value) => {
    state.x[column] = value;
    draw();
  };
  if (about.kind === "category") {
    const options = about.labels.map((label, code) => html("option", { value: code, selected: code === state.x[column] }, brief(label, 40)));
    options.push(html("option", { value: "", selected: Number.isNaN(state.x[column]) }, "another level"));
    const select = html("select", {}, options);
    select.addEventListener("change", () => set(select.value === "" ? NaN : Number(select.value)));
    return field(about.name, select);
  }
  return about.kind === "date" ? dateControl(state, column, set) : numberControl(state, column, set);
}

function numberControl(state, column, set) {
  const about = state.columns[column];
  const step = about.whole ? 1 : "any", value = state.x[column];
  const range = html("input", { type: "range", min: about.low, max: about.high, step, "aria-label": `${about.name}, slider` });
  const number = html("input", { type: "number", step: "any", placeholder: "missing" });
  const show = (x) => {
    number.value = Number.isNaN(x) ? "" : String(Number(x.toPrecision(6)));
    range.value = Number.isNaN(x) ? about.typical ?? 0 : x;
  };
  range.addEventListener("input", () => { show(Number(range.value)); set(Number(range.value)); });
  number.addEventListener("input", () => {
    const x = number.value === "" ? NaN : Number(number.value);
    if (!Number.isNaN(x)) range.value = x;
    set(x);
  });
  show(value);
  const element = field(about.name, number);
  element.append(range);
  return element;
}

function dateControl(state, column, set) {
  const about = state.columns[column], value = state.x[column];
  const day = html("input", { type: "date", value: Number.isNaN(value) ? "" : said(about, Math.floor(value)) });
  day.addEventListener("input", () => set(day.value === "" ? NaN : Date.parse(day.value) / DAY));
  return field(about.name, day);
}

/** The elements of a waterfall: baseline, the largest contributions, the others in one bar, the sum. */
function waterfall(state) {
  const { fit, k, number } = state.current();
  const parts = contributions(fit, state.x, state.editorOf(number));
  const rest = state.restOf(number);
  const total = sums(fit, parts, rest);
  const rows = parts.map((part, place) => ({ name: nameOf(state, fit, place), value: part[k] }));
  if (rest && rest[k] !== 0) rows.push({ name: "the rest (left out of this page)", value: rest[k] });
  rows.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const least = FAINT * rows.reduce((sum, row) => sum + Math.abs(row.value), 0);
  const shown = rows.slice(0, MOST).filter((row) => Math.abs(row.value) > least), others = rows.slice(shown.length);
  if (others.some((row) => row.value !== 0)) shown.push({ name: `${others.length} other ${others.length > 1 ? "parts" : "part"}`, value: others.reduce((sum, row) => sum + row.value, 0) });
  let at = fit.baseline[k];
  const ends = [at];
  const bars = shown.map((row) => {
    const from = at;
    at += row.value;
    ends.push(at);
    return { ...row, from, to: at };
  });
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const place = (value) => 100 * ((value - low) / (high - low || 1));
  const list = [
    line("baseline, the mean", figure(fit.baseline[k], 4), mark(place(fit.baseline[k]))),
    ...bars.map((bar) => line(bar.name, signed(bar.value), span(place(bar.from), place(bar.to)))),
    line(html("strong", {}, fit.unit[k]), html("strong", {}, figure(total[k], 4)), mark(place(total[k]))),
  ];
  return [answer(state, fit, total, number), html("ol", { class: "bars-list" }, list)];
}

function line(name, words, bar) {
  return html("li", {}, html("span", { class: "name" }, name), html("span", { class: "track" }, bar), html("span", { class: "number" }, words));
}

const mark = (at) => html("span", { class: "mark", look: { left: `${at}%` } });

function span(from, to) {
  const look = { left: `${Math.min(from, to)}%`, width: `max(2px, ${Math.abs(to - from)}%)` };
  return html("span", { class: to >= from ? "fill adds" : "fill takes", look });
}

/** The name of a part with the values of its columns. */
function nameOf(state, fit, part) {
  const columns = part < state.columns.length ? [part] : fit.groups[part - state.columns.length] ?? [];
  if (!columns.length) return fit.parts[part];
  return columns.map((column) => `${state.columns[column].name} = ${brief(said(state.columns[column], state.x[column]), 18)}`).join(", ");
}

function answer(state, fit, total, number) {
  const found = prediction(fit.link, total);
  const truth = state.truth(number);
  if (!state.classes.length) {
    const word = fit.loss.name === "none" ? "Risk " : "Prediction ";
    const known = truth === null ? "" : html("span", { class: "soft" }, ` the row has ${figure(truth, 4)}`);
    return html("p", { class: "answer" }, word, html("strong", {}, figure(found[0], 4)), known);
  }
  const order = found.map((_, k) => k).sort((a, b) => found[b] - found[a]).slice(0, 6);
  const bars = order.map((k) => line(state.classes[k] + (k === truth ? " (the row's)" : ""), percent(found[k]), html("span", { class: "fill", look: { width: `${100 * found[k]}%` } })));
  return html("ol", { class: "bars-list answer" }, bars);
}

// The rows of the session: a histogram of each column, fitted values and residuals; ranges that select rows.

import { button, choice, html } from "./elements.js";
import { latest } from "./latest.js";
import { rowDetails } from "./rows_details.js";
import { histogramCard } from "./rows_histogram.js";
import { scatter } from "./rows_scatter.js";
import { figure } from "./words.js";

const KINDS = { column: "", variable: "computed", target: "target", fitted: "", residual: "" };

/**
 * The panel of the rows; what is selected in it holds for every panel, as `store.rows`.
 * @param {import("./host.js").Host} host
 * @param {object} store
 * @returns {HTMLElement}
 */
export function panel(host, store) {
  const parts = {
    count: html("p", { class: "rows-count", "aria-live": "polite" }),
    chips: html("ul", { class: "rows-chips", "aria-label": "Ranges that select rows" }),
    plots: html("div", { class: "rows-plots" }),
    cards: html("div", { class: "rows-cards" }),
  };
  const state = { found: null, against: "fitted", drawn: "" };
  const details = rowDetails(host);
  const element = html("div", { class: "rows" },
    html("div", { class: "rows-head" }, parts.count, parts.chips),
    html("div", { class: "rows-body" }, html("div", {}, parts.plots, details), parts.cards));

  /** Select rows by ranges in place of those of the same names; the studio says which cannot be. */
  async function select(changed) {
    const names = new Set(changed.map((range) => range.name));
    const ranges = [...(store.rows ?? []).filter((range) => !names.has(range.name)), ...changed.filter((range) => range.low !== null)];
    try {
      if (ranges.length) await host.ask("rows", { rows: ranges });
      await store.select(ranges);
    } catch (problem) {
      store.say(problem.message, "bad");
      draw();
    }
  }

  const page = { select, details, store };
  const look = latest(60, () => host.ask("rows", store.rows ? { rows: store.rows } : {}), (found) => {
    state.found = found;
    draw();
  }, (problem) => store.say(problem.message, "bad"));

  function draw() {
    if (!state.found) return;
    parts.count.textContent = counts(state.found);
    parts.chips.replaceChildren(...chips(store, select));
    drawPlots(parts.plots, state, page, draw);
    drawCards(parts.cards, state, page);
  }

  store.subscribe(["view", "rows"], () => {
    if (store.view) look();
  });
  return element;
}

function counts(found) {
  return found.selected === found.rows ? `All ${found.rows} rows. Drag over a histogram or a plot to select some.` : `${found.selected} of ${found.rows} rows selected: scores, curves and residuals are those of these rows.`;
}

/** The ranges as a list, each with a button that takes it away. */
function chips(store, select) {
  const ranges = store.rows ?? [];
  const items = ranges.map(({ name, low, high }) => {
    const said = `${name}: ${figure(low)} to ${figure(high)}`;
    return html("li", {}, said, button("×", () => select([{ name, low: null, high: null }]), { name: `Remove the range ${said}` }));
  });
  return ranges.length ? [...items, html("li", { class: "rows-clear" }, button("Clear", () => store.select(null), { name: "Clear: select all rows again" }))] : [];
}

/** Observed against fitted values, and the residual against what a person chooses. */
function drawPlots(place, state, page, again) {
  const { found } = state;
  const targets = found.columns.filter((column) => column.kind === "target");
  const target = targets.some((one) => one.name === state.target) ? state.target : targets[0].name;
  const of = (kind) => found.columns.find((column) => column.kind === kind && column.of === target);
  const [fitted, residual] = [of("fitted"), of("residual")];
  const observed = targets.find((one) => one.name === target);
  const axes = [fitted, ...found.columns.filter((column) => ["column", "variable", "target"].includes(column.kind) && column.name !== fitted.name)];
  const against = axes.find((column) => column.name === state.against) ?? fitted;
  const focus = document.activeElement?.closest?.(".rows-against") ? document.activeElement.name : null;
  const controls = html("div", { class: "rows-against" },
    targets.length > 1 && html("label", {}, "Target ", choice(targets.map((one) => one.name), target, { name: "target", on: { change: (event) => { state.target = event.target.value; again(); } } })),
    html("label", {}, "Residual against ", choice(axes.map((one) => one.name), against.name, { name: "against", on: { change: (event) => { state.against = event.target.value; again(); } } })));
  place.replaceChildren(
    scatter(found, { x: fitted, y: observed, title: "Observed against fitted", line: "diagonal" }, page),
    html("div", {}, scatter(found, { x: against, y: residual, title: `Residual against ${against.name}`, line: "zero" }, page), controls));
  if (focus) place.querySelector(`[name="${focus}"]`)?.focus();
}

/** One card for each quantity; the cards stay while the session has the same columns, so that the focus does, too. */
function drawCards(place, state, page) {
  const { found } = state;
  const key = found.columns.map((column) => column.name).join("\n");
  if (state.drawn !== key) {
    state.drawn = key;
    state.cards = found.columns.map((column) => histogramCard(column.name, KINDS[column.kind], page));
    place.replaceChildren(...state.cards);
  }
  found.columns.forEach((column, k) => {
    const range = (page.store.rows ?? []).find((one) => one.name === column.name) ?? null;
    state.cards[k].update(column, range);
  });
}

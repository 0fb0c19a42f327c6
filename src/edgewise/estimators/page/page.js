// The page: one state, its sections, and what is drawn again when an edit or another sum is chosen.

import { choice, field, html } from "./elements.js";
import { figure } from "./words.js";
import { contribution, contributions, decoded, loss, prediction, sums, widthOf } from "./sums.js";
import { editor } from "./edits.js";
import { columnPanel, importanceBars } from "./panels.js";
import { pairPanel } from "./maps.js";
import { predictionSection } from "./prediction.js";
import { editingSection } from "./editing.js";

const VISIBLE = 0.0005; // share of the variance from which a curve or map is drawn
const MAPS = 12;

class State {
  constructor(values) {
    Object.assign(this, values);
    this.edits = [];
    this.sum = 0;
    this.width = this.columns.length;
    const share = new Map(this.fits[0].importance.map((row) => [row.part, row.share]));
    this.order = this.columns.map((_, k) => k).sort((a, b) => (share.get(b) ?? 0) - (share.get(a) ?? 0));
    this.chooseRow(this.rows.count ? 0 : null);
  }

  current() {
    const { fit, k } = this.sums[this.sum];
    return { fit: this.fits[fit], k, number: fit };
  }

  chooseRow(row) {
    this.row = row;
    this.x = row === null ? Float64Array.from(this.columns, (column) => column.typical ?? NaN) : this.rowValues(row);
  }

  rowValues(row) {
    return this.rows.x.slice(row * this.width, (row + 1) * this.width);
  }

  restOf(number, row = this.row) {
    const width = widthOf(this.fits[number]);
    return row === null ? null : this.rows.rest[number].subarray(row * width, (row + 1) * width);
  }

  truth(number) {
    return this.row === null || !this.rows.y ? null : this.rows.y[number][this.row];
  }

  seen(column) {
    return Array.from({ length: this.rows.count }, (_, row) => this.rows.x[row * this.width + column]);
  }

  /** What a column adds to a sum of a fit, without edits. */
  valueOf(fit, part, k) {
    const x = new Float64Array(this.width).fill(NaN);
    return (value) => {
      x[part] = value;
      return contribution(fit, part, x)[k];
    };
  }

  /** What edits make of contributions to a fit. */
  editorOf(number) {
    const fit = this.fits[number];
    const own = this.edits.map((edit) => {
      const chosen = this.sums.filter((sum, place) => sum.fit === number && (edit.target === null || edit.target === place));
      return { ...edit, part: this.placeOf(edit, fit), sums: chosen.map((sum) => sum.k) };
    });
    return editor(own, (part, k) => this.valueOf(fit, part, k), this.width, (column) => this.seen(column));
  }

  /** The number that the part of an edit has in a fit, -1 where it is none: targets have pairs of their own. */
  placeOf(edit, fit) {
    return fit.parts.indexOf(this.fits[0].parts[edit.part]);
  }

  /** The mean loss before and after the edits, on the rows that have targets. */
  cost() {
    if (!this.rows.y || !this.rows.count) return null;
    const rises = [], losses = [];
    let heldOut = true;
    this.fits.forEach((fit, number) => {
      const edited = this.editorOf(number), parts = [...new Set(this.edits.map((edit) => this.placeOf(edit, fit)))].filter((part) => part >= 0);
      const width = widthOf(fit), held = this.rows.held_out[number];
      for (let row = 0; row < this.rows.count; row++) {
        const x = this.rowValues(row);
        const known = held && !Number.isNaN(held[row * width]);
        if (held && !known) continue;
        heldOut &&= Boolean(known);
        const eta = known ? [...held.subarray(row * width, (row + 1) * width)] : sums(fit, contributions(fit, x), this.restOf(number, row));
        const after = [...eta];
        for (const part of parts) {
          const own = contribution(fit, part, x), next = edited(part, own, x);
          next.forEach((value, k) => { after[k] += value - own[k]; });
        }
        const y = this.rows.y[number][row], before = loss(fit.loss, eta, y, fit.link);
        losses.push(before);
        rises.push(loss(fit.loss, after, y, fit.link) - before);
      }
    });
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    const rise = mean(rises), variance = mean(rises.map((value) => (value - rise) ** 2));
    return { before: mean(losses), after: mean(losses) + rise, error: Math.sqrt(variance / rises.length), count: rises.length, heldOut, said: this.fits[0].loss.said };
  }

  /** The largest difference of the page's predictions from those of Python, in standard deviations of these. */
  disagreement() {
    let worst = 0;
    this.fits.forEach((fit, number) => {
      const known = this.rows.predictions[number], width = known.length / this.rows.count;
      const mean = known.reduce((a, b) => a + b, 0) / known.length;
      const deviation = Math.sqrt(known.reduce((a, b) => a + (b - mean) ** 2, 0) / known.length) || 1;
      for (let row = 0; row < Math.min(this.rows.count, 200); row++) {
        const eta = sums(fit, contributions(fit, this.rowValues(row)), this.restOf(number, row));
        prediction(fit.link, eta).forEach((value, k) => { worst = Math.max(worst, Math.abs(value - known[row * width + k]) / deviation); });
      }
    });
    return worst;
  }
}

function curvesSection(state) {
  const grid = html("div", { class: "panels" });
  const own = html("input", { type: "checkbox" });
  const head = html("h2", {}, "Columns");
  const hint = html("p", { class: "hint" });
  const draw = () => {
    const { fit, k } = state.current(), edited = state.editorOf(state.sums[state.sum].fit);
    const rows = fit.importance.filter((row) => row.part < state.width && row.share > VISIBLE);
    const panels = rows.map((row) => panelOf(state, fit, k, row, edited));
    const range = rangeOf(panels);
    hint.textContent = `What each column adds to ${fit.unit[k]}, about its mean${own.checked ? "" : ", on one axis"}. The band holds 90 % of the posterior probability; along the bottom is the density of the rows.${state.note ? ` ${state.note}` : ""}`;
    grid.replaceChildren(...panels.map((panel) => columnPanel({ ...panel, range: own.checked ? rangeOf([panel]) : range })));
  };
  own.addEventListener("change", draw);
  const toggle = html("label", { class: "toggle" }, own, " an axis for each column");
  return { element: html("section", { id: "curves" }, head, hint, toggle, grid), update: draw };
}

function panelOf(state, fit, k, { part, share }, edited) {
  const drawn = state.sums[state.sum].curves[part];
  const before = state.valueOf(fit, part, k);
  const x = new Float64Array(state.width).fill(NaN);
  const value = (at) => {
    x[part] = at;
    return edited(part, contribution(fit, part, x), x)[k];
  };
  const touched = state.edits.some((edit) => edit.part === part);
  const tables = fit.tables.filter((table) => table.part === part && table.bins[0].cuts);
  const jumps = tables.flatMap((table) => [...table.bins[0].cuts]);
  return { column: state.columns[part], drawn, value, before: touched ? before : null, other: drawn.other ?? null, jumps, note: `${figure(100 * share, 2)} %` };
}

/** The lowest and highest values of some panels, with zero and a margin. */
function rangeOf(panels) {
  const ends = panels.flatMap(({ drawn, value, before, other }) => [...drawn.x].flatMap((x, k) => {
    const y = value(x), band = Math.min(drawn.band[k], 1e300);
    return [y - band, y + band, before ? before(x) : y, other ? other[k] : y];
  }));
  const low = ends.reduce((a, b) => Math.min(a, b), 0), high = ends.reduce((a, b) => Math.max(a, b), 0);
  const margin = 0.05 * (high - low) || 1;
  return [low - margin, high + margin];
}

function mapsSection(state) {
  const grid = html("div", { class: "panels" }), hint = html("p", { class: "hint" });
  const element = html("section", { id: "maps" }, html("h2", {}, "Pairs of columns"), hint, grid);
  const draw = () => {
    const { fit, k } = state.current();
    const removed = new Set(state.edits.filter((edit) => edit.change === "removed").map((edit) => state.placeOf(edit, fit)));
    const groups = fit.importance.filter((row) => row.part >= state.width && row.part < state.width + fit.groups.length && row.share > 0);
    const pairs = groups.filter((row) => fit.groups[row.part - state.width].length === 2 && row.share > VISIBLE && !removed.has(row.part));
    element.hidden = !pairs.length;
    const gone = groups.length - Math.min(pairs.length, MAPS);
    hint.textContent = `What two columns add together, beyond what each adds alone: blue adds, orange takes away.${gone > 0 ? ` ${gone} more sets of two or three columns are not drawn.` : ""}`;
    grid.replaceChildren(...pairs.slice(0, MAPS).map((row) => {
      const columns = fit.groups[row.part - state.width], x = new Float64Array(state.width).fill(NaN);
      const value = (...at) => {
        columns.forEach((column, place) => { x[column] = at[place]; });
        return contribution(fit, row.part, x)[k];
      };
      const drawn = columns.map((column) => state.sums[state.sum].curves[column]);
      return pairPanel(columns.map((column) => state.columns[column]), drawn, value, `${figure(100 * row.share, 2)} %`);
    }));
  };
  return { element, update: draw };
}

function importanceSection(state) {
  const body = html("div");
  const draw = () => {
    const { fit } = state.current();
    body.replaceChildren(importanceBars(fit.importance, fit.parts));
  };
  const hint = html("p", { class: "hint" }, "Shares of the variance of the sum, with standard errors. Columns that are correlated share their effects.");
  return { element: html("section", { id: "importance" }, html("h2", {}, "Importance"), hint, body), update: draw };
}

function start() {
  const state = new State(decoded(JSON.parse(document.getElementById("values").textContent)));
  const sections = [importanceSection(state), curvesSection(state), mapsSection(state)];
  if (state.interactive) sections.push(predictionSection(state));
  const update = () => sections.forEach((section) => section.update());
  const root = document.getElementById("page");
  if (state.sums.length > 1) {
    const select = choice(state.sums.map((sum, k) => [String(k), sum.label]), "0");
    select.addEventListener("change", () => { state.sum = Number(select.value); update(); });
    root.append(html("div", { class: "chooser" }, field("Class or target", select)));
  }
  root.append(...sections.map((section) => section.element));
  if (state.interactive && state.fits[0].loss.name !== "none") root.append(editingSection(state, update));
  update();
  if (state.rows.count) root.append(html("p", { class: "hint", id: "agreement" }, agreementWords(state)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
}

function agreementWords(state) {
  const worst = state.disagreement();
  const rows = Math.min(state.rows.count, 200);
  return `This page computes what predict does: the largest difference on ${rows} rows is ${worst < 1e-12 ? "less than 1e−12" : figure(worst, 1)} standard deviations of the predictions. It holds ${state.rows.count} rows of the table, which anyone who has it can read.${state.left ? ` ${state.left}` : ""}`;
}

start();

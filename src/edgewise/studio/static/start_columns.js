// The columns of a table with what is to be done with each: target by a radio button, input by a tick, unit.

import { html } from "./elements.js";
import { smallHistogram } from "./histogram.js";
import { counted, figure } from "./words.js";

const RANKS = "Rank corr.";
const TITLES = {
  [RANKS]: "Spearman's coefficient of rank correlation with the target",
  ln: "Train on the natural logarithm of the column",
};

/**
 * @param {object} table - the answer to `open_table`
 * @param {{change: () => void, target: (name: string) => void}} on - what is called when something is chosen
 * @returns {HTMLElement} with `inputs()`, `target()`, `logs()`, `units()` and `correlations(columns)`
 */
export function columnTable(table, on) {
  const rows = table.columns.map((column) => columnRow(column, table, on));
  const heads = ["Target", "Input", "ln", "Column", "Values", "Gaps", RANKS, "Unit"];
  const element = html("table", { class: "columns", role: "table" },
    html("caption", { class: "unseen" }, `Columns of ${table.file}`),
    html("thead", { role: "rowgroup" }, html("tr", { role: "row" }, heads.map((head) => html("th", { scope: "col", role: "columnheader", title: TITLES[head] ?? null }, head)))),
    html("tbody", { role: "rowgroup" }, rows.map((row) => row.element)));
  element.inputs = () => rows.filter((row) => row.tick && row.tick.checked && !row.tick.disabled).map((row) => row.name);
  element.target = () => rows.find((row) => row.radio && row.radio.checked)?.name ?? null;
  element.logs = () => rows.filter((row) => row.log && row.log.checked).map((row) => row.name);
  element.units = () => Object.fromEntries(rows.filter((row) => row.unit && row.unit.value.trim()).map((row) => [row.name, row.unit.value]));
  /** Show how the ranks of each column correlate with those of another target. */
  element.correlations = (columns) => columns.forEach((column, k) => rows[k].correlation(column.correlation));
  /** Tick all columns that can be inputs, or none. */
  element.tick = (on) => {
    for (const row of rows) row.wanted = on;
    element.settle();
  };
  element.settle = () => rows.forEach((row) => row.settle());
  element.settle();
  return element;
}

function columnRow(column, table, on) {
  const usable = column.why === null;
  const { name } = column;
  const radio = column.why_no_target === null && html("input", { type: "radio", name: "target", value: name, "aria-label": `${name} is the target`, checked: name === table.target, on: { change: () => on.target(name) } });
  const tick = usable && html("input", { type: "checkbox", "aria-label": `${name} is an input`, on: { change: () => want(tick.checked) } });
  const log = usable && column.low > 0 && html("input", { type: "checkbox", "aria-label": `Natural logarithm of ${name}`, title: `Train on the natural logarithm of ${name}`, on: { change: on.change } });
  const unit = usable && column.kind === "number" && unitField(column, on.change);
  const correlation = cell("correlation", RANKS);
  const element = html("tr", { role: "row", class: usable ? "" : "unusable" },
    cell("choose", "Target", radio), cell("choose", "Input", tick), cell("choose", "ln", log),
    html("th", { scope: "row", role: "rowheader", class: "named" }, html("span", { class: "column-name" }, name || "(no name)"), html("span", { class: "start-about" }, valuesOf(column))),
    cell("picture", "Values", column.histogram && smallHistogram(column.histogram, `Histogram of ${name}: ${valuesOf(column)}`)),
    cell("missing", "Gaps", column.missing ? String(column.missing) : "–"),
    correlation, cell("unit", "Unit", unit || ""));
  const row = {
    name, radio, tick, log, unit, element,
    wanted: table.inputs.includes(name) || (name === table.target && !table.named), // an input whenever it is no target
    correlation: (value) => { correlation.querySelector(".value").textContent = value === null ? "–" : figure(value, 2); },
    /** The target is no input. */
    settle: () => {
      if (!tick) return;
      const isTarget = Boolean(radio && radio.checked);
      tick.disabled = isTarget;
      tick.checked = row.wanted && !isTarget;
      element.classList.toggle("is-target", isTarget);
    },
  };
  function want(wanted) {
    row.wanted = wanted;
    on.change();
  }

  row.correlation(column.correlation);
  return row;
}

function cell(kind, head, ...children) {
  return html("td", { role: "cell", class: kind }, html("span", { class: "head", "aria-hidden": "true" }, head), html("span", { class: "value" }, ...children));
}

function unitField(column, change) {
  const sound = column.unit && !column.unit_problem;
  const hint = column.unit_problem ? `${column.unit}?` : column.unit_guess && `${column.unit_guess}?`;
  const title = column.unit_problem ? `The table says ${column.unit}, which is no unit that edgewise knows` : null;
  return html("input", { type: "text", class: "unit-text", "aria-label": `Unit of ${column.name}`, value: sound ? column.unit : "", placeholder: hint || "", title, maxlength: 60, spellcheck: "false", autocomplete: "off", on: { input: change } });
}

/** What a column holds, in a few words. */
function valuesOf(column) {
  const { kind, levels, distinct } = column;
  if (kind === "number" && column.why === null) return `${figure(column.low, 4)} to ${figure(column.high, 4)}, ${counted(distinct, "different value")}`;
  if (kind === "text" && levels.length) {
    const said = `Text (${levels.map(([level]) => level).join(", ")}${distinct > levels.length ? ", ..." : ""})`;
    return column.why === null ? said : `${said}. Cannot be used: ${column.why}.`;
  }
  if (kind === "date" && column.why === null) return `Dates from ${levels.map(([day]) => day).join(" to ")}`;
  return `Cannot be used: ${column.why}.`;
}

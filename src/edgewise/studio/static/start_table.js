// The form that begins a session with a table: columns, the network's shape, and what would come of it.

import { button, choice, field, html } from "./elements.js";
import { latest } from "./latest.js";
import { columnTable } from "./start_columns.js";
import { counted } from "./words.js";

/**
 * @param {object} page - the start page
 * @param {object} table - the answer to `open_table`
 * @returns {HTMLElement}
 */
export function tableForm(page, table) {
  const { host, store } = page;
  const said = html("ul", { class: "start-plan", "aria-live": "polite" });
  const shape = shapeFields(() => look());
  const train = html("button", { class: "primary", value: "train" }, "Train");
  const open = html("button", { value: "open" }, "Open without training");
  const columns = columnTable(table, { change: () => look(), target: (name) => choose(name) });
  const body = () => ({ file: table.file, sheet: table.sheet, target: columns.target(), inputs: columns.inputs(), logs: columns.logs(), units: columns.units(), ...shape.values(columns.inputs().length) });

  const look = latest(150, () => ready(columns, host, body), (answer) => show(said, [train, open], answer.notes, ""), (problem) => show(said, [train, open], [problem.message], "bad"));
  const rank = latest(0, (target) => host.ask("open_table", { file: table.file, sheet: table.sheet, target }), (answer) => columns.correlations(answer.columns), () => {});

  function choose(name) {
    columns.settle();
    rank(name);
    look();
  }

  async function submit(event) {
    event.preventDefault();
    const trains = event.submitter?.value !== "open";
    const { grid } = shape.values(1);
    const wanted = body();
    train.disabled = open.disabled = true;
    const answer = await page.begin("begin", wanted);
    if (!answer) look(); // what can be pressed now
    if (!answer || !trains) return;
    const begun = await store.act("fit", grid ? {} : { grids: "auto" });
    if (begun && store.status.kind !== "bad") page.tell();
  }

  /** Enter in a field looks at the form; only the buttons begin a session. */
  function keydown(event) {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    look();
  }

  const tick = (on) => () => {
    columns.tick(on);
    look();
  };
  if (!canBegin(table)) return html("div", { class: "start-form" }, ...heading(table, page), columns);
  look();
  return html("form", { class: "start-form", on: { submit, keydown } }, ...heading(table, page),
    html("div", { class: "start-ticks" }, button("Tick all", tick(true), { class: "start-link" }), button("Tick none", tick(false), { class: "start-link" })),
    columns, shape, said, html("div", { class: "start-buttons" }, train, open));
}

/** Whether any column can be a target; if not, a note of the table says why. */
const canBegin = (table) => table.columns.some((column) => column.why_no_target === null);

function heading(table, page) {
  const sheets = choice(table.sheets, table.sheet);
  sheets.addEventListener("change", () => page.open(table.file, { sheet: sheets.value }));
  return [
    button("← Files", page.list, { class: "start-link" }),
    html("h2", { tabindex: -1 }, table.file),
    html("p", { class: "start-about" }, `${counted(table.rows, "row")}, ${counted(table.columns.length, "column")}.${canBegin(table) ? " Choose the column to explain, and those to explain it by." : ""}`),
    table.sheets.length > 1 ? html("div", { class: "start-sheets" }, field("Sheet", sheets)) : null,
    table.notes.length ? html("ul", { class: "start-notes" }, table.notes.map((note) => html("li", {}, note))) : null,
  ];
}

/** Ask what would come of the form, where something is chosen. */
async function ready(columns, host, body) {
  if (!columns.target()) throw new Error("Choose a target: the column that the network is to explain.");
  if (!columns.inputs().length) throw new Error("Tick at least one input.");
  const wanted = body();
  if (wanted.widths?.some((width) => !Number.isInteger(width))) throw new Error("Hidden nodes are whole numbers: 5, or 5, 3 for two layers.");
  return host.ask("plan", wanted);
}

function show(said, buttons, notes, kind) {
  for (const one of buttons) one.disabled = kind === "bad";
  said.replaceChildren(...notes.map((note) => html("li", { class: kind }, note)));
}

/** The network's shape: all may be left blank. */
function shapeFields(change) {
  const input = (attributes) => html("input", { ...attributes, autocomplete: "off", on: { input: change } });
  const hidden = input({ type: "text", placeholder: "automatic", inputmode: "numeric" });
  const grid = input({ type: "number", min: 1, max: 200, placeholder: "automatic" });
  const degree = input({ type: "number", min: 1, max: 9, placeholder: "3" });
  const seed = input({ type: "number", min: 0, placeholder: "0" });
  const fields = {
    hidden: field("Hidden nodes", hidden, "5, or 5, 3 for two layers, or none"),
    grid: field("Grid", grid, "intervals of each spline"),
    degree: field("Degree", degree, "of each spline, 1 to 9"),
    seed: field("Seed", seed, "the same seed gives the same network"),
  };
  const element = html("fieldset", { class: "start-shape" }, html("legend", {}, "Network"), ...Object.values(fields));
  const whole = (control) => (control.value === "" ? null : Number(control.value));
  element.values = (inputs) => ({ widths: widths(hidden.value, inputs), grid: whole(grid), degree: whole(degree), seed: whole(seed) });
  return element;
}

/** The nodes of each layer for what a person wrote; the studio says what is wrong with it. */
function widths(text, inputs) {
  const plain = text.trim();
  if (!plain) return null;
  if (/^(none|0)$/i.test(plain)) return [inputs, 1];
  return [inputs, ...plain.split(/[\s,;]+/).filter(Boolean).map((part) => (/^\d+$/.test(part) ? Number(part) : part)), 1];
}

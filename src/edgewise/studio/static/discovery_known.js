// What a person knows of the formula: fields as the studio lists them, and a formula of one's own with its fit.

import { button, choice, field, folded, html } from "./elements.js";

/**
 * The fold-outs "What you know" and "Fit a formula of your own".
 * @param {object} host
 * @param {(formula: string, known: object) => void} fit
 * @returns {HTMLElement} with `read(places)`, texts by name, `problem(text)`, true where it is shown at a field, and
 *   `columns(names)`, which can be chosen
 */
export function known(host, fit) {
  const fields = new Map(); // by name: the field's element, its control, and its place
  const formula = html("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: "a*x/(b + x)" });
  const start = button("Fit", () => fit(formula.value, element.read(["rows", "fit"])), { name: "Fit the formula" });
  const own = field("Formula", formula, "columns by name (in backquotes where that is no word); other names are constants");
  fields.set("formula", { element: own, control: formula, place: "fit" });
  const places = { formula: html("div", { class: "fields" }), rows: html("div", { class: "fields" }), fit: html("div", { class: "fields" }) };
  const rowsTitle = html("h3", {}, "The rows");
  const element = html(
    "div", { class: "known" },
    folded("What you know", { level: "h3", class: "know" }, html("p", { class: "hint" }, "Every formula will be as you say. Leave empty what you do not know."), places.formula, rowsTitle, places.rows),
    folded("Fit a formula of your own", { level: "h3", class: "own" }, html("div", { class: "with-button" }, own, start), places.fit, html("p", { class: "hint" }, "What you know of the rows, above, holds here too.")),
  );

  element.read = (wanted) =>
    Object.fromEntries([...fields].filter(([name, row]) => name !== "formula" && wanted.includes(row.place) && row.control.value.trim()).map(([name, row]) => [name, row.control.value]));
  element.problem = (text) => {
    const row = fields.get(/^'(\w+)'/.exec(text)?.[1]);
    if (!row) return false;
    row.element.closest("details").open = true;
    row.element.problem(text.replace(/^'\w+': /, ""));
    row.control.focus();
    return true;
  };
  element.clear = () => fields.forEach((row) => row.element.problem(""));
  let columns = [];
  element.columns = (names) => {
    columns = [["", "none"], ...names.map((name) => [name, name])];
    for (const { control } of [...fields.values()].filter((row) => row.kind === "column")) {
      control.replaceChildren(...choice(columns, control.value).children);
    }
  };
  element.busy = (busy) => (start.disabled = busy);

  host.ask("knowledge").then(({ fields: rows }) => {
    for (const row of rows) {
      const control = controls[row.kind](row, columns);
      const made = field(row.label, control, row.hint);
      fields.set(row.name, { element: made, control, place: row.place, kind: row.kind });
      places[row.place].append(made);
    }
  }, () => {});
  formula.addEventListener("keydown", (event) => event.key === "Enter" && start.click());
  return element;
}

const controls = {
  text: ({ example }) => html("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: example }),
  column: (row, columns) => choice(columns, ""),
  choice: ({ words }) => choice(words),
};

// A saved network needs rows: the form that asks for a table.

import { button, choice, field, html } from "./elements.js";

/**
 * @param {object} page - the start page
 * @param {string} file - the network
 * @param {{tables: object[], shipped: object[]}} found - the answer to `files`
 */
export function modelForm(page, file, found) {
  const names = [...found.tables, ...found.shipped].map((row) => row.file);
  const table = choice(names, names[0], { name: "table" });
  const chosen = field("Table", table, "It needs the columns that the network was trained on.");
  const submit = (event) => {
    event.preventDefault();
    page.begin("open_model", { file, table: table.value });
  };
  return html("form", { class: "start-form", on: { submit } },
    button("← Files", page.list, { class: "start-link" }),
    html("h2", { tabindex: -1 }, file),
    html("p", { class: "start-note" }, "A session shows what a network does on rows. Choose the table that holds them."),
    chosen,
    html("div", { class: "start-buttons" }, html("button", { class: "primary" }, "Open")));
}

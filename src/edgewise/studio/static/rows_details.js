// One row at length: all its values, by a click on its dot or by its number.

import { html } from "./elements.js";
import { figure } from "./words.js";

/**
 * @param {import("./host.js").Host} host
 * @returns {HTMLElement} with `show(index)`
 */
export function rowDetails(host) {
  const number = html("input", { type: "number", min: 0, step: 1, "aria-label": "Number of a row", placeholder: "number" });
  const values = html("dl", { class: "rows-values", "aria-live": "polite" });
  const submit = (event) => {
    event.preventDefault();
    if (number.value !== "") element.show(Number(number.value));
  };
  const element = html("form", { class: "rows-details", on: { submit } },
    html("label", {}, "Row ", number), html("button", {}, "Show"), values);

  element.show = async (index) => {
    number.value = index;
    try {
      const found = await host.ask("row", { index });
      const texts = found.texts.map((one) => html("div", { class: "text" }, html("dt", {}, one.name), html("dd", {}, one.text)));
      values.replaceChildren(...texts, ...found.values.map((one) => html("div", { class: one.kind }, html("dt", {}, one.name), html("dd", {}, figure(one.value, 5)))));
    } catch (problem) {
      values.replaceChildren(html("div", { class: "bad" }, problem.message));
    }
  };
  return element;
}

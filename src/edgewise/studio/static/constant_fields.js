// Four constants that can be typed or dragged; those that are not touched keep all their digits.

import { html } from "./elements.js";

const LETTERS = ["a", "b", "c", "d"];

/**
 * @param {(values: number[]) => void} changed - called with all four constants while one of them moves
 * @returns {{element: HTMLElement, fill: (affine: number[]) => void, clear: () => void}}
 */
export function constantFields(changed) {
  const element = html("div", { class: "constants" });
  let exact = [];
  let fields = [];

  const values = () => fields.map((field, k) => (field.value === field.shown ? exact[k] : Number(field.value)));
  const tell = () =>
    fields.every((field) => field.value !== "") && values().every(Number.isFinite) && changed(values());

  function fill(affine) {
    exact = affine;
    fields = affine.map(numberField);
    element.replaceChildren(...fields.map((field, k) => line(field, slider(field, affine[k], k, tell), k, tell)));
  }

  return { element, fill, clear: () => element.replaceChildren() };
}

function numberField(value, k) {
  const shown = String(Number(value.toPrecision(6)));
  const field = html("input", { type: "number", step: "any", value: shown, "aria-label": `Constant ${LETTERS[k]}` });
  return Object.assign(field, { shown });
}

/** A slider about the constant, as wide as the constant is large. */
function slider(field, value, k, tell) {
  const reach = Math.max(1, Math.abs(value));
  const range = { min: value - reach, max: value + reach, step: reach / 200 };
  const bar = html("input", { type: "range", ...range, "aria-label": `Drag constant ${LETTERS[k]}` });
  bar.value = value;
  bar.addEventListener("input", () => {
    field.value = Number(Number(bar.value).toPrecision(6));
    tell();
  });
  return bar;
}

function line(field, bar, k, tell) {
  field.addEventListener("input", () => {
    bar.value = field.value;
    tell();
  });
  return html("div", { class: "constant" }, html("span", { class: "letter" }, LETTERS[k]), bar, field);
}

// A control for each kind of argument that an action takes, and how its value is read.

import { choice, field, html } from "./elements.js";
import { listed } from "./edge_rules.js";
import { edgeName, nodeName } from "./words.js";

const WAYS = [
  ["up", "rising"],
  ["down", "falling"],
  ["any", "any shape"],
];
const LIMITS = [
  ["below", "score below"],
  ["keep", "keep this number"],
  ["budget", "error may grow by the factor"],
  ["error", "error at most"],
];

/**
 * @param {{name: string, kind: string, needed: boolean, default: any}} argument
 * @returns {{element: HTMLElement, read: () => any}} - `read` gives undefined for what was left out
 */
export function control(argument, store, functions) {
  const made = KINDS[argument.kind](argument, store, functions);
  const title = argument.name.replaceAll("_", " ") + (argument.needed ? "" : " (optional)");
  return { element: made.element ?? field(title, made.control, made.hint ?? ""), read: made.read };
}

const text =
  (read, hint, placeholder = "") =>
  ({ default: standard, needed }) => {
    const filled = !needed && standard !== null && !Array.isArray(standard) ? String(standard) : "";
    const input = html("input", {
      type: "text",
      spellcheck: "false",
      autocomplete: "off",
      placeholder: filled || placeholder,
    });
    return {
      control: input,
      hint,
      read: () => (input.value.trim() === "" && !needed ? undefined : read(input.value.trim())),
    };
  };

const numbers = (value) => listed(value).map(Number);
const number = (value) => (value === "" ? null : Number(value));

const KINDS = {
  text: text((value) => value),
  integer: text(number),
  number: text(number),
  functions: text(listed, "names, like sin, cos"),
  constants: text(numbers, "a, b, c, d of c f(a x + b) + d; fitted to the curve if left out"),
  grids: text((value) => (value === "auto" ? value : numbers(value)), "auto, or a list like 3, 5, 10"),
  nodes: text(
    (value) => (value.includes(",") ? numbers(value) : Number(value)),
    "3 sums, or “1, 2”: a sum and two products",
  ),
  choice: ({ default: standard }) => {
    const box = html("input", { type: "checkbox", checked: Boolean(standard) });
    return { control: box, read: () => box.checked };
  },
  direction: () => selecting(WAYS, "up"),
  function: ({ needed }, store, functions) => selecting(needed ? functions : [["", "the best one"], ...functions], ""),
  edge: (argument, store) => {
    const made = selecting(edgesOf(store), store.edge?.join());
    return { ...made, read: () => made.control.value.split(",").map(Number) };
  },
  edges: (argument, store) => {
    const select = choice(edgesOf(store), store.edge?.join(), { multiple: true, size: 5 });
    const hint = "several with Ctrl or Shift";
    return {
      control: select,
      hint,
      read: () => [...select.selectedOptions].map((one) => one.value.split(",").map(Number)),
    };
  },
  inputs: (argument, store) => {
    const names = store.view.diagram.node_names[0];
    const select = choice(names.map((name) => [name, name]), null, { multiple: true, size: 5 });
    return {
      control: select,
      hint: "several with Ctrl or Shift",
      read: () => [...select.selectedOptions].map((one) => one.value),
    };
  },
  node: (argument, store) => {
    const { diagram } = store.view;
    const rows = diagram.nodes
      .filter((node) => node.layer > 0)
      .map((node) => [`${node.layer},${node.index}`, nodeName(diagram, [node.layer, node.index])]);
    const made = selecting(rows, store.node?.join());
    return { ...made, read: () => made.control.value.split(",").map(Number) };
  },
  cuts: () => cut(),
};

function selecting(options, chosen) {
  const select = choice(options, chosen);
  return { control: select, read: () => select.value || undefined };
}

/** All edges, the removed ones too. */
function edgesOf({ view: { diagram, removed } }) {
  const there = diagram.edges.map((edge) => edge.key);
  return [
    ...there.map((key) => [key.join(), edgeName(diagram, key)]),
    ...removed.map((key) => [key.join(), `${edgeName(diagram, key)} (removed)`]),
  ];
}

/** One cut: what goes, and down to which limit. */
function cut() {
  const what = choice(["edges", "nodes", "inputs"], "edges", { "aria-label": "What is cut" });
  const limit = choice(LIMITS, "budget", { "aria-label": "Limit of the cut" });
  const value = html("input", {
    type: "number",
    step: "any",
    "aria-label": "Value of the limit",
    placeholder: "no cut",
  });
  const refit = html("input", { type: "checkbox" });
  const row = html("div", { class: "cut" }, what, limit, value);
  const element = html(
    "fieldset",
    {},
    html("legend", {}, "cut (optional)"),
    row,
    html("label", { class: "check" }, refit, "refit after each"),
  );
  const read = () =>
    value.value === "" ? undefined : [{ what: what.value, [limit.value]: Number(value.value), refit: refit.checked }];
  return { element, read };
}

// The panel of what can be done to the whole network, and of every action by its name.

import { panel as everything } from "./actions_form.js";
import { panel as functions } from "./actions_functions.js";
import { panel as pruning } from "./actions_prune.js";
import { button, choice, field, folded, html } from "./elements.js";
import { listed } from "./edge_rules.js";
import { goodness } from "./goodness.js";

export function panel(host, store) {
  return html(
    "div",
    { class: "network-panel" },
    goodness(store),
    train(store),
    pruning(host, store),
    read(store),
    grow(host, store),
    functions(host, store),
    everything(host, store),
  );
}

/** A button that does an action with the values that `read` gives; what is wrong is said at a field. */
function doing(store, text, name, read = () => ({}), place = null, hint = "") {
  const act = () => {
    place?.problem("");
    return store.act(name, read(), place?.problem);
  };
  return button(text, act, { title: hint, class: "does" });
}

const GRIDS = [
  ["own", "as they are"],
  ["auto", "chosen by validation"],
  ["list", "a list"],
];

function train(store) {
  const grids = choice(GRIDS, "auto");
  const list = html("input", {
    type: "text",
    placeholder: "3, 5, 10",
    "aria-label": "Cells of the grids",
    hidden: true,
  });
  const sparsity = html("input", { type: "number", min: 0, step: "any", placeholder: "0" });
  const steps = html("input", { type: "number", min: 1, step: 1, placeholder: "as needed" });
  const gridsField = field("Grids", grids);
  gridsField.append(list);
  grids.addEventListener("change", () => (list.hidden = grids.value !== "list"));
  const values = () => ({
    grids: { own: () => null, auto: () => "auto", list: () => listedNumbers(list.value) }[grids.value](),
    sparsity: Number(sparsity.value),
    steps: steps.value ? Number(steps.value) : null,
  });
  const refits = html("input", { type: "number", min: 1, step: 1, value: 50 });
  const refitField = field("Steps", refits);
  const factor = html("input", { type: "number", min: 1, step: 1, value: 2 });
  const factorField = field("Cells become", factor, "pieces; no curve changes");
  return folded(
    "Train",
    { open: true },
    html("div", { class: "fields" }, gridsField, field("Sparsity", sparsity), field("At most steps", steps)),
    html(
      "div",
      { class: "row" },
      doing(store, "Train", "fit", values, gridsField, "Train the network, with these grids"),
    ),
    html("h3", {}, "Refit, grids as they are"),
    html(
      "div",
      { class: "with-button" },
      refitField,
      doing(store, "Refit", "refit", () => ({ steps: Number(refits.value) }), refitField),
    ),
    html("h3", {}, "Refine the grids"),
    html(
      "div",
      { class: "with-button" },
      factorField,
      doing(store, "Refine", "refine", () => ({ factor: Number(factor.value) }), factorField),
    ),
  );
}

/** "3, 5, 10" as numbers. */
function listedNumbers(text) {
  return listed(text).map(Number);
}

function read(store) {
  const rounding = html("input", { type: "checkbox", checked: true });
  const slack = html("input", { type: "number", min: 1, step: "any", placeholder: "default" });
  const slackField = field("Error may grow by the factor", slack, "1.05, or 1.5 where the error is below 1e−4 of the spread");
  const values = () => ({ rounding: rounding.checked, slack: slack.value ? Number(slack.value) : null });
  return folded(
    "Read as a formula",
    { open: true },
    slackField,
    html("label", { class: "check" }, rounding, "Round the constants as well"),
    html(
      "div",
      { class: "row" },
      doing(store, "Snap all edges", "snap_all", values, slackField, "Make every edge a function that may become one"),
      doing(
        store,
        "Round constants",
        "round_constants",
        undefined,
        null,
        "Integers, small fractions and multiples of pi where the error stays",
      ),
    ),
  );
}

function grow(host, store) {
  const name = html("input", { type: "text", placeholder: "beta", spellcheck: "false", autocomplete: "off" });
  const formula = html("input", { type: "text", placeholder: "v/c", spellcheck: "false", autocomplete: "off" });
  const formulaField = field("Formula", formula, "of the columns; unused until trained");
  const nameField = field("Name", name);
  /** What is wrong, at the field that it is about. */
  const place = {
    problem(text) {
      const atName = /^(A variable's name|The name) /.test(text);
      nameField.problem(atName ? text : "");
      formulaField.problem(atName ? "" : text);
    },
  };
  const variable = () => ({ name: name.value.trim(), formula: formula.value });
  const depth = html("input", { type: "number", min: 1, step: 1, value: 1 });
  const nodes = html("input", { type: "text", value: "1", spellcheck: "false" });
  const nodesField = field("Nodes", nodes, "3 sums, or “1, 2”: a sum and two products");
  const width = () => (nodes.value.includes(",") ? listedNumbers(nodes.value) : Number(nodes.value));
  return folded(
    "Add inputs and nodes",
    {},
    html("h3", {}, "A column computed from others"),
    html("div", { class: "fields" }, nameField, formulaField),
    html("div", { class: "row" }, doing(store, "Add the column", "add_variable", variable, place)),
    html("h3", {}, "Hidden nodes, unused until trained"),
    html("div", { class: "fields" }, field("Level", depth, "1 is the first hidden one"), nodesField),
    html(
      "div",
      { class: "row" },
      doing(store, "Add nodes", "add_nodes", () => ({ depth: Number(depth.value), nodes: width() }), nodesField),
    ),
  );
}

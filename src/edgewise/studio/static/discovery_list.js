// The formulas of a front: the best one with what the rows say of it, and all of them, each with its numbers below it.

import { button, folded, html } from "./elements.js";
import { typeset } from "./typeset.js";
import { counted, figure } from "./words.js";

const TITLES = {
  complexity: "number of operations, constants and variables",
  error: "root mean square error on rows left out, over the standard deviation of the target: 1 is as bad as the mean",
  weight: "of the evidence for this formula, from 0 to 1; what all lack to 1 is for formulas that are not in the list",
};

/** The best formula, typeset, and what the rows say of it: in view where another one has the largest weight. */
export function best(front, select) {
  const one = front.candidates.find((row) => row.best);
  if (!one) return "";
  const doubted = front.candidates.some((row) => row.weight > one.weight);
  const look = button("Look at it", () => select(one.index), { name: "Look at the best formula: residuals, network, use in the session" });
  const said = front.conclusion.slice(1).map((line) => html("li", {}, line));
  return html(
    "section", { class: "front-best", "aria-label": "The best formula" },
    html("div", { class: "row" }, html("h3", {}, `The best formula for ${front.target}`), look),
    typeset(one.latex, one.text),
    folded("What the rows say of it", { level: "h3", open: doubted, class: "conclusion" }, html("ul", {}, said)),
  );
}

/** All formulas, from simple to accurate. */
export function list(front, select) {
  return html("ol", { class: "candidates", "aria-label": "Formulas, from simple to accurate" }, front.candidates.map((one) => html("li", {}, row(one, select))));
}

function row(one, select) {
  const error = figure(one.held_out ?? one.error, 2);
  const weight = one.weight < 0.005 ? "< 0.01" : figure(one.weight, 2);
  const numbers = [
    ["complexity", one.complexity, TITLES.complexity], ["", counted(one.constants, "constant"), "how many numbers were fitted"],
    ["error / std", error, TITLES.error], ["weight", weight, TITLES.weight],
  ];
  const name = `Formula ${one.index}${one.best ? ", the best" : ""}${one.law ? `, ${one.law}` : ""}: ${one.text}; ${numbers.map(([what, value]) => `${what} ${value}`.trim()).join(", ")}`;
  return html(
    "button", { type: "button", class: one.best ? "best" : "", "aria-label": name, on: { click: () => select(one.index) } },
    typeset(one.latex, one.text),
    html(
      "span", { class: "candidate-numbers" },
      html("b", {}, `${one.best ? "★ " : ""}Formula ${one.index}`), one.law ? html("i", {}, one.law) : null,
      numbers.map(([what, value, title]) => html("span", { title }, what ? `${what} ` : "", html("b", {}, String(value)))),
    ),
  );
}

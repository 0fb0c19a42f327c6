// The formula of the network, typeset; or how many of its edges are no functions yet.

import { folded, html } from "./elements.js";
import { typeset } from "./typeset.js";
import { counted } from "./words.js";

export function panel(host, store) {
  const element = html("div", { class: "formula-line", role: "region", "aria-label": "Formula", tabindex: 0 });
  let shown = null;

  store.subscribe(["view"], () => {
    const { view } = store;
    if (!view) return;
    const wanted = view.formula ? [...view.formula.latex, ...(view.undone?.latex ?? [])].join("\n") : splinesLeft(view);
    if (wanted === shown) return;
    shown = wanted;
    if (view.formula) element.replaceChildren(...formulas(view));
    else element.replaceChildren(html("span", { class: "hint" }, wanted));
  });
  return element;
}

/** How many edges are no functions yet, and why where all should have become some. */
function splinesLeft(view) {
  const rest = view.edges - view.splines;
  const words = `${counted(view.splines, "edge")} ${view.splines === 1 ? "is a spline" : "are splines"} still`;
  if (!rest) return `${words}: snap them to read the network as a formula.`;
  const said = `${words}, ${rest} ${rest === 1 ? "is a function" : "are functions"}`;
  const last = view.history.find((state) => state.id === view.at);
  if (!last.action.startsWith("snap_all")) return `${said}.`;
  return `${said}: for the splines no function kept the error. Allow it to grow by a larger factor, or click a spline to see what it could become.`;
}

/** The formula in the columns of the table; the one in logarithms, as the network computes it, can be unfolded. */
function formulas({ formula, undone }) {
  const lines = (one) => one.latex.map((latex, k) => typeset(latex, one.text[k]));
  return undone ? [...lines(undone), folded("In logarithms, as the network computes it", { level: "h3", class: "in-logarithms" }, ...lines(formula))] : lines(formula);
}

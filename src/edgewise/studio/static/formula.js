// The formula of the network, typeset; or how many of its edges are no functions yet.

import { html } from "./elements.js";
import { counted } from "./words.js";
import { katex } from "./vendor.js";

export function panel(host, store) {
  const element = html("div", { class: "formula-line", role: "region", "aria-label": "Formula", tabindex: 0 });
  let shown = null;

  store.subscribe(["view"], async () => {
    const { view } = store;
    if (!view) return;
    const wanted = view.formula ? [...view.formula.latex, ...(view.undone?.latex ?? [])].join("\n") : splinesLeft(view);
    if (wanted === shown) return;
    shown = wanted;
    if (!view.formula) {
      element.replaceChildren(html("span", { class: "hint" }, wanted));
      return;
    }
    const library = await katex();
    if (shown === wanted) set(library, element, view);
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

function set(library, element, { formula, undone }) {
  const lines = (one) => one.latex.map((latex, k) => line(library, latex, one.text[k]));
  const plain = undone ? [...lines(undone), html("p", { class: "hint" }, "As the network computes it, in logarithms:")] : [];
  element.replaceChildren(...plain, ...lines(formula));
}

function line(library, latex, text) {
  const element = html("div", { class: "formula", title: text });
  try {
    library.render(latex, element, { displayMode: true, throwOnError: true, trust: false, strict: "ignore" });
  } catch {
    element.textContent = text; // what KaTeX cannot set is shown as text
  }
  return element;
}

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
    const wanted = view.formula ? view.formula.latex.join("\n") : String(view.splines);
    if (wanted === shown) return;
    shown = wanted;
    if (!view.formula) {
      const rest = view.edges - view.splines;
      const words = `${counted(view.splines, "edge")} ${view.splines === 1 ? "is a spline" : "are splines"} still`;
      element.replaceChildren(
        html(
          "span",
          { class: "hint" },
          rest
            ? `${words}, ${rest} ${rest === 1 ? "is" : "are"} functions.`
            : `${words}: snap them to read the network as a formula.`,
        ),
      );
      return;
    }
    const library = await katex();
    if (shown === wanted) set(library, element, view.formula);
  });
  return element;
}

function set(library, element, formula) {
  const lines = formula.latex.map((latex, k) => {
    const line = html("div", { class: "formula", title: formula.text[k] });
    try {
      library.render(latex, line, { displayMode: true, throwOnError: true, trust: false, strict: "ignore" });
    } catch {
      line.textContent = formula.text[k]; // what KaTeX cannot set is shown as text
    }
    return line;
  });
  element.replaceChildren(...lines);
}

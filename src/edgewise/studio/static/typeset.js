// A formula in an element: by KaTeX, or as text where KaTeX cannot set it.

import { html } from "./elements.js";
import { katex } from "./vendor.js";

/**
 * @param {string} latex
 * @param {string} text - shown until the formula is typeset, and as its tooltip
 * @param {boolean} [display] - large, on a line of its own
 * @returns {HTMLElement}
 */
export function typeset(latex, text, display = true) {
  const element = html(display ? "div" : "span", { class: "typeset", title: text, role: "math", "aria-label": text, tabindex: display ? 0 : null }, text);
  katex().then((library) => {
    try {
      library.render(latex, element, { displayMode: display, throwOnError: true, trust: false, strict: "ignore" });
    } catch {
      element.textContent = text;
    }
  }, () => {});
  return element;
}

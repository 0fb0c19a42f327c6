// A formula in an element: by KaTeX, or as text where KaTeX cannot set it.

import { html } from "./elements.js";
import { katex } from "./vendor.js";

const DIGITS = 5; // of numbers in a formula that is a text
const SMALLEST = 0.72; // of the size of its letters to which a formula shrinks

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
      requestAnimationFrame(() => fit(element, text));
    } catch {
      element.textContent = text;
    }
  }, () => {});
  return element;
}

/** Make a formula that is wider than its place smaller; a much wider one is a text, which goes on in the next line. */
function fit(element, text) {
  const share = element.clientWidth / element.scrollWidth;
  if (!(share < 1)) return;
  if (share >= SMALLEST) element.style.setProperty("font-size", `${Math.floor(98 * share)}%`);
  else {
    element.textContent = text.replace(/\d+\.\d+(e[+-]?\d+)?/g, (number) => Number(Number(number).toPrecision(DIGITS)));
    element.classList.add("long");
  }
}

// A formula in an element: by KaTeX, in as many lines as it needs, or as text where KaTeX cannot set it.

import { breakable } from "./breaking.js";
import { html } from "./elements.js";
import { katex } from "./vendor.js";

const SMALLEST = 0.88; // of the size of its letters to which a formula shrinks
const MOST = 8000; // letters of LaTeX that are typeset
const DIGITS = 6; // of numbers

/**
 * @param {string} latex
 * @param {string} text - shown until the formula is typeset, and as its tooltip
 * @returns {HTMLElement}
 */
export function typeset(latex, text) {
  const element = html("div", { class: "typeset long", title: text, role: "math", "aria-label": text }, text);
  if (latex.length > MOST) return element;
  const shown = latex.replace(/\d+\.\d{6,}/g, (number) => Number(Number(number).toPrecision(DIGITS)))
    .replaceAll("\\mathit{", "\\mathnormal{"); // the one italic font that comes with the page
  katex().then((library) => {
    const set = (source) => library.render(source, element, { displayMode: true, throwOnError: true, trust: false, strict: "ignore" });
    try {
      set(shown);
      element.classList.remove("long");
      let wide = 0;
      new ResizeObserver(([{ contentRect }]) => {
        if (contentRect.width && Math.abs(contentRect.width - wide) > 1) fit(element, set, shown);
        wide = contentRect.width;
      }).observe(element);
    } catch {
      element.textContent = text;
    }
  }, () => {});
  return element;
}

/** Break a formula into lines; a part that is still wider than its place makes it smaller, then it can be scrolled. */
function fit(element, set, latex) {
  element.style.removeProperty("font-size");
  set(latex);
  if (share(element) < SMALLEST) set(breakable(latex));
  const by = share(element);
  if (by < 1) element.style.setProperty("font-size", `${Math.floor(98 * Math.max(by, SMALLEST))}%`);
  const scrolls = by < SMALLEST;
  element.classList.toggle("scrolls", scrolls);
  if (scrolls && !element.closest("button")) element.tabIndex = 0;
  else element.removeAttribute("tabindex");
}

const share = (element) => element.clientWidth / element.scrollWidth;

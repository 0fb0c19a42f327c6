// The bar between the diagram and the panels below it: drag it, or move it by arrow keys.

import { html } from "./elements.js";

const STEP = 40; // pixels of an arrow key
const LEAST = 90;

/**
 * @param {HTMLElement} place - whose height it sets
 * @returns {HTMLElement} with `standard(tall)`: the height until a person has chosen one
 */
export function splitter(place) {
  const bar = html("div", {
    class: "splitter",
    role: "separator",
    tabindex: 0,
    "aria-orientation": "horizontal",
    "aria-label": "Height of the panels below",
    "aria-valuemin": LEAST,
    "aria-valuenow": LEAST,
  });
  let chosen = false;

  function set(height) {
    const most = Math.max(LEAST, window.innerHeight - 220);
    const next = Math.round(Math.min(Math.max(height, LEAST), most));
    chosen = true;
    place.style.height = `${next}px`;
    bar.setAttribute("aria-valuemax", most);
  }

  new ResizeObserver(() => bar.setAttribute("aria-valuenow", place.clientHeight)).observe(place);

  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    const from = event.clientY,
      high = place.clientHeight;
    const drag = (moved) => set(high + from - moved.clientY);
    bar.addEventListener("pointermove", drag);
    bar.addEventListener("lostpointercapture", () => bar.removeEventListener("pointermove", drag), { once: true });
  });
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (!by) return;
    event.preventDefault();
    set(place.clientHeight + by);
  });
  bar.standard = (tall) => chosen || place.classList.toggle("tall", tall);
  return bar;
}

// A row of tabs with their panels, as the ARIA practices have it: arrow keys move, one tab is in the tab order.

import { html } from "./elements.js";

/**
 * @param {string} label - what a screen reader calls the tabs
 * @param {{name: string, title: string, fill: (place: HTMLElement) => any}[]} rows - `fill` is called when first shown
 * @param {(name: string) => void} [shown] - called when a person shows a panel
 * @returns {HTMLElement} with `show(name)` and `renew()`
 */
export function tabs(label, rows, shown = () => {}) {
  const list = html("div", { class: "tabs", role: "tablist", "aria-label": label });
  const element = html("div", { class: "tabbed" }, list);
  const known = new Map();
  for (const { name, title, fill } of rows) {
    const tab = html(
      "button",
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}` },
      title,
    );
    const place = html("div", {
      role: "tabpanel",
      id: `panel-${name}`,
      "aria-labelledby": `tab-${name}`,
      class: "panel",
      tabindex: 0,
    });
    tab.addEventListener("click", () => show(name));
    list.append(tab);
    element.append(place);
    known.set(name, { tab, place, fill, filled: false });
  }

  function show(name) {
    for (const [other, row] of known) {
      const now = other === name;
      row.tab.setAttribute("aria-selected", now);
      row.tab.tabIndex = now ? 0 : -1;
      row.place.hidden = !now;
      if (now && !row.filled) {
        row.filled = true;
        row.fill(row.place);
      }
    }
    if (element.shown) shown(name);
    element.shown = name;
  }

  list.addEventListener("keydown", (event) => {
    const names = [...known.keys()];
    const at = names.indexOf(element.shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(names.at(to % names.length));
    known.get(element.shown).tab.focus();
  });
  element.show = show;
  /** Fill the panels that have been shown anew. */
  element.renew = () => known.forEach((row) => row.filled && row.fill(row.place));
  element.has = (name) => known.has(name);
  if (rows.length) show(rows[0].name);
  return element;
}

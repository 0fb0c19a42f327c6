// The functions that edges may become: click one to forbid it, and again to allow it.

import { button, folded, html } from "./elements.js";

export function panel(host, store) {
  const list = html("div", { class: "function-chips", role: "group", "aria-label": "Functions that edges may become" });
  const element = folded(
    "Functions that edges may become",
    { class: "functions" },
    html("p", { class: "hint" }, "Click a function to forbid it, and again to allow it."),
    list,
  );
  let functions = [];

  function show() {
    if (!store.view) return;
    const forbidden = new Set(store.view.forbidden);
    const focused = list.contains(document.activeElement) ? document.activeElement.textContent : null;
    const chips = functions.map((name) => {
      const allowed = !forbidden.has(name);
      const act = () => store.act(allowed ? "forbid" : "allow", { functions: [name] });
      return button(name, act, { class: "chip", "aria-pressed": allowed });
    });
    list.replaceChildren(...chips);
    if (focused) chips.find((chip) => chip.textContent === focused)?.focus();
  }

  element.addEventListener("toggle", async () => {
    if (!element.open || functions.length) return;
    functions = (await host.ask("actions")).functions;
    show();
  });
  store.subscribe(["view"], show);
  return element;
}

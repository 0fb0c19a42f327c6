// The head of the page: what the session is, how good it is, undo and redo, and the windows that can be opened.

import { button, html } from "./elements.js";
import { counted, determination, figure } from "./words.js";

/** @param {{training: HTMLElement, windows: HTMLElement[], move: (to: string) => void, help: () => void}} page */
export function header(host, store, page) {
  const name = html("span", { class: "session-name" });
  const error = html("b", { class: "number" }),
    explained = html("b", { class: "number" }),
    size = html("span", {});
  const training = html("span", {}, "training error ", error),
    explaining = html("span", { title: "Coefficient of determination on the rows that the network is trained on" }, "R² ", explained);
  const undo = button("↶", () => page.move("undo"), { name: "Undo (Ctrl+Z)" });
  const redo = button("↷", () => page.move("redo"), { name: "Redo (Ctrl+Shift+Z)" });
  const figures = html(
    "div",
    { class: "figures" },
    training,
    explaining,
    size,
  );
  const hands = html(
    "div",
    { class: "hands" },
    undo,
    redo,
    ...page.windows,
    button("?", page.help, { name: "Show the keys (?)" }),
  );

  store.subscribe(["view", "job"], () => {
    const { view, job } = store;
    undo.disabled = !view?.can_undo || Boolean(job);
    redo.disabled = !view?.can_redo || Boolean(job);
    figures.hidden = !view;
    if (!view) return;
    const inputs = view.names.length > 4 ? counted(view.names.length, "input") : view.names.join(", ");
    name.textContent = `${view.targets.join(", ")} of ${inputs}`;
    training.title = `Root mean square of the residuals of ${view.targets.join(", ")} on the rows that the network is trained on, in units of the target`;
    error.textContent = figure(job?.error ?? view.error); // one number: that of the network which is drawn
    explaining.hidden = Boolean(job?.error);
    explained.textContent = determination(view.r2);
    size.hidden = Boolean(job); // leaves room for how far the work is
    size.textContent = `${counted(view.edges, "edge")}, ${view.rows.toLocaleString("en")} rows`;
    document.title = `${name.textContent}: edgewise studio`;
  });
  return html(
    "header",
    { class: "bar" },
    html("h1", {}, html("span", { class: "brand" }, "edgewise"), name),
    figures,
    page.training,
    hands,
  );
}

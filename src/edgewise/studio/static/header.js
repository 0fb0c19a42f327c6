// The head of the page: what the session is, how good it is, undo and redo, and the windows that can be opened.

import { button, html } from "./elements.js";
import { counted, determination, figure, measureWords, percent } from "./words.js";

/** @param {{training: HTMLElement, windows: HTMLElement[], move: (to: string) => void, help: () => void}} page */
export function header(host, store, page) {
  const name = html("span", { class: "session-name" });
  const judged = html("span", { class: "judged" }),
    size = html("span", {});
  const undo = button("↶", () => page.move("undo"), { name: "Undo (Ctrl+Z)" });
  const redo = button("↷", () => page.move("redo"), { name: "Redo (Ctrl+Shift+Z)" });
  const figures = html(
    "div",
    { class: "figures" },
    judged,
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
    name.textContent = `${view.answer ?? view.targets.join(", ")} of ${inputs}`;
    judged.replaceChildren(...(job?.error ? bestSoFar(view, job) : goodness(view)));
    size.hidden = Boolean(job); // leaves room for how far the work is
    size.textContent = `${counted(view.edges, "edge")}, ${counted(view.parameters, "parameter")}`;
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

/** One number while the network trains, which never rises. */
function bestSoFar(view, job) {
  const where = view.new_rows ? "new rows" : "these rows";
  return [html("span", { title: `The best network so far: its error on ${where}` }, `best so far, ${where}: `, html("b", { class: "number" }, figure(job.error)))];
}

/** How good the network is on rows that it has not seen, if some are held out, and on those that it was trained on. */
function goodness(view) {
  const { judged } = view, parts = [];
  if (judged.new) parts.push(part(view, "new rows", view.new_rows, view.held_out, judged.new, "that are held out: no step sees them"));
  parts.push(part(view, "these rows", view.rows, view.error, judged.rows, "that the network is trained on"));
  const { outside } = judged;
  if (outside) {
    const one = outside.count === 1;
    parts.push(html("span", { class: "warn", title: `${outside.name} and other inputs have values there that are further out than a quarter of their range in the rows of training: a network does not know how its curves go on` },
      `${counted(outside.count, "new row")} far outside (${outside.name}): ${figure(outside.error)} without ${one ? "it" : "them"}`));
  }
  return parts;
}

function part(view, words, count, error, shares, which) {
  const title = `On ${counted(count, "row")} ${which}. ${measureWords(view)}`;
  const share = view.classes.length ? ["right ", html("b", { class: "number" }, percent(shares.accuracy))] : ["R² ", html("b", { class: "number" }, determination(shares.r2))];
  const loss = view.classes.length ? "log loss " : "error ";
  return html("span", { class: "part", title }, `${words}: ${loss}`, html("b", { class: "number" }, figure(error)), ", ", ...share);
}

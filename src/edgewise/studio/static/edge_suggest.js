// The functions that the selected edge could become, best first; pointing at one shows its curve, a click takes it.

import { button, html, unseen } from "./elements.js";
import { latest } from "./latest.js";
import { edgeName, figure } from "./words.js";

const LIMIT = 6,
  MOST = 20;

export function panel(host, store) {
  const list = html("ol", { class: "suggestions" });
  const more = button("More functions", () => ask(store.view.at, store.edge, MOST), { class: "quiet" });
  const wait = html("p", { class: "hint", role: "status" });
  const head = html(
    "div",
    { class: "suggest-head", "aria-hidden": "true", title: "Best first: those that keep the error, the simplest of equals before the others. ✓: the error stays. ×: error over the present one, on new rows if some are held out" },
    ["", "function", "error", "× now"].map((text) => html("span", {}, text)),
  );
  const element = html(
    "section",
    { class: "suggest", "aria-label": "Functions that this edge could become" },
    html("h3", {}, "Could become"),
    wait,
    head,
    list,
    more,
  );
  let shown = null;

  const ask = latest(
    60,
    (at, edge, limit) => host.ask("suggest", { edge, limit }),
    (answer, at, edge, limit) => {
      wait.textContent = answer.candidates.length ? "" : "No function can be defined on all that reaches this edge.";
      list.replaceChildren(...answer.candidates.map((found, k) => row(store, edge, found, k)));
      head.hidden = !answer.candidates.length;
      more.hidden = limit >= MOST || answer.candidates.length < limit;
    },
    (problem) => (wait.textContent = problem.message),
    true,
  );

  store.subscribe(["view", "edge", "job"], () => {
    const { view, edge, job } = store;
    const drawn = view && edge && view.diagram.edges.find((one) => one.key.join() === edge.join());
    element.hidden = !drawn || drawn.locked;
    const wanted = element.hidden || job ? "" : `${view.at}|${edge.join()}`;
    const now = wanted || (job ? "later" : "");
    if (now === shown) return;
    shown = now;
    ask.cancel();
    list.replaceChildren();
    more.hidden = head.hidden = true;
    wait.textContent = wanted ? "Trying functions …" : job ? "After the work that is going on." : "";
    if (wanted) ask(view.at, edge, LIMIT);
  });
  return element;
}

function row(store, edge, found, k) {
  const error = found.held_out ?? found.error; // on new rows, if some are held out
  const title = `${found.function}, error ${figure(error)}`;
  const show = () =>
    store.set({
      curve: { x: found.x, y: found.y, title },
      preview: { changing: [edge], title: previewTitle(store, edge, found) },
    });
  const hide = () => store.set({ curve: null, preview: null });
  const take = () => store.act("snap_edge", { edge, function: found.function });
  const hint = found.accepted ? "keeps the error" : found.hazard ? String(found.hazard) : "raises the error";
  const factor = error / (store.view.held_out ?? store.view.error);
  const attributes = {
    type: "button",
    class: found.accepted ? "accepted" : "",
    "data-function": found.function,
    title: `${found.formula}: ${hint}`,
    on: { click: take, pointerenter: show, pointerleave: hide, focus: show, blur: hide },
  };
  const parts = [
    html("kbd", { "aria-hidden": "true" }, k < 9 ? String(k + 1) : ""),
    html("span", { class: "what" }, found.function, unseen(": error of the network ")),
    html("span", { class: "formula-text", "aria-hidden": "true" }, found.formula),
    html("span", { class: "number" }, figure(error), unseen(`, ${hint}. Take it.`)),
    html("span", { class: "factor", "aria-hidden": "true" }, Number.isFinite(factor) ? `×${figure(factor, 2)}` : ""),
  ];
  return html("li", {}, html("button", attributes, parts));
}

function previewTitle(store, edge, found) {
  const name = edgeName(store.view.diagram, edge);
  const [before, after] = found.held_out === null ? [store.view.error, found.error] : [store.view.held_out, found.held_out];
  return `${name} as ${found.function}: error ${figure(before)} → ${figure(after)}`;
}

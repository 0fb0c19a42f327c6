// The constants of an edge, c f(a x + b) + d, set by hand: its curve and the network's error follow as they move.

import { constantFields } from "./constant_fields.js";
import { button, choice, folded, html } from "./elements.js";
import { latest } from "./latest.js";
import { edgeName, figure } from "./words.js";

const PAUSE = 90; // ms after a constant moved

export function panel(host, store) {
  const now = { functions: [], edge: null, affine: null };
  const pick = html("select", { "aria-label": "Function to set by hand" });
  const fields = constantFields((values) => ask(now.edge, pick.value, values));
  const said = html("p", { class: "hint", "aria-live": "polite" });
  const act = () => store.act("set_function", { edge: now.edge, function: pick.value, affine: now.affine });
  const take = button("Set", act, { class: "primary", disabled: true });
  const hands = html(
    "div",
    { class: "row" },
    take,
    button("Undo changes", () => load(), { class: "quiet" }),
  );
  const form = html("p", { class: "formula-text" }, "c f(a x + b) + d");
  const element = folded("Set by hand", { class: "by-hand", level: "h3" }, form, pick, fields.element, said, hands);

  const trial = (edge, name, affine) => host.ask("trial", { at: store.view.at, edge, function: name, affine });
  const ask = latest(PAUSE, trial, tried, (problem) => {
    take.disabled = true;
    said.className = "hint bad";
    said.textContent = problem.message;
  });

  function tried(answer, edge, name, affine) {
    if (!affine) fields.fill(answer.affine);
    now.affine = affine ?? answer.affine;
    take.disabled = answer.after === null;
    const cost = costOf(answer);
    said.className = "hint";
    said.textContent = `${answer.formula}: ${cost}`;
    const title = `${edgeName(store.view.diagram, edge)} as ${name}: ${cost}`;
    store.set({ curve: { x: answer.x, y: answer.y, title: name }, preview: { changing: [edge], title } });
  }

  /** Show the edge as it is: a symbolic one with its constants, a spline with none until a function is chosen. */
  async function load() {
    ask.cancel();
    take.disabled = true;
    said.textContent = "";
    now.edge = store.edge;
    fields.clear();
    if (!element.open || !store.edge) return;
    if (store.curve) store.set({ curve: null, preview: null });
    const answer = await host.ask("edge", { edge: store.edge }).catch(() => null);
    if (!answer || answer.edge.join() !== store.edge?.join()) return;
    if (!now.functions.length) now.functions = (await host.ask("actions")).functions;
    pick.replaceChildren(...choice([["", "choose a function …"], ...now.functions], "").children);
    pick.value = answer.function ?? "";
    if (answer.function) fields.fill(answer.affine);
  }

  pick.addEventListener("change", () => pick.value && ask(now.edge, pick.value, null));
  element.addEventListener("toggle", load);
  store.subscribe(["view", "edge"], () => {
    element.hidden = !store.edge || isLocked(store);
    load();
  });
  return element;
}

function costOf({ before, after }) {
  return after === null ? "it is not defined on all rows" : `error ${figure(before)} → ${figure(after)}`;
}

function isLocked({ view, edge }) {
  return Boolean(view?.diagram.edges.find((one) => one.key.join() === edge.join())?.locked);
}

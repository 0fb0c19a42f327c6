// The constants of an edge, c f(a x + b) + d, set by hand: its curve and the network's error follow as they move.

import { button, choice, folded, html } from "./elements.js";
import { latest } from "./latest.js";
import { edgeName, figure } from "./words.js";

const LETTERS = ["a", "b", "c", "d"];

export function panel(host, store) {
  const now = { functions: [], edge: null, affine: null, fields: [] };
  const pick = html("select", { "aria-label": "Function to set by hand" });
  const body = html("div", { class: "constants" });
  const said = html("p", { class: "hint", "aria-live": "polite" });
  const take = button("Set", accept, { class: "primary", disabled: true });
  const drop = button("Undo changes", () => load(), { class: "quiet" });
  const element = folded(
    "Set by hand", { class: "by-hand", level: "h3" },
    html("p", { class: "formula-text" }, "c f(a x + b) + d"), pick, body, said, html("div", { class: "row" }, take, drop),
  );

  const ask = latest(90, (edge, name, affine) => host.ask("trial", { at: store.view.at, edge, function: name, affine }), (answer, edge, name, affine) => {
    if (!affine) fill(answer.affine);
    now.affine = affine ?? answer.affine;
    take.disabled = answer.after === null;
    const worse = answer.after === null ? "it is not defined on all rows" : `error ${figure(answer.before)} → ${figure(answer.after)}`;
    said.className = "hint";
    said.textContent = `${answer.formula}: ${worse}`;
    store.set({ curve: { x: answer.x, y: answer.y, title: name }, preview: { changing: [edge], title: `${edgeName(store.view.diagram, edge)} as ${name}: ${worse}` } });
  }, (problem) => {
    take.disabled = true;
    said.className = "hint bad";
    said.textContent = problem.message;
  });

  function accept() {
    store.act("set_function", { edge: now.edge, function: pick.value, affine: now.affine });
  }

  /** The constants, those that were not touched with all their digits. */
  function values() {
    return now.fields.map((field, k) => (field.value === field.shown ? now.affine[k] : Number(field.value)));
  }

  /** One line for each constant: a number, and a slider about it. */
  function fill(affine) {
    now.affine = affine;
    now.fields = affine.map((exact, k) => {
      const value = String(Number(exact.toPrecision(6)));
      return Object.assign(html("input", { type: "number", step: "any", value, "aria-label": `Constant ${LETTERS[k]}` }), { shown: value });
    });
    const lines = now.fields.map((field, k) => html("div", { class: "constant" }, html("span", { class: "letter" }, LETTERS[k]), slider(field, affine[k], k), field));
    body.replaceChildren(...lines);
  }

  function slider(field, value, k) {
    const reach = Math.max(1, Math.abs(value));
    const bar = html("input", { type: "range", min: value - reach, max: value + reach, step: reach / 200, "aria-label": `Drag constant ${LETTERS[k]}` });
    bar.value = value;
    bar.addEventListener("input", () => {
      field.value = Number(Number(bar.value).toPrecision(6));
      ask(now.edge, pick.value, values());
    });
    field.addEventListener("input", () => {
      bar.value = field.value;
      if (field.value !== "" && values().every(Number.isFinite)) ask(now.edge, pick.value, values());
    });
    return bar;
  }

  /** Show the edge as it is: a symbolic one with its constants, a spline with none until a function is chosen. */
  async function load() {
    ask.cancel();
    take.disabled = true;
    said.textContent = "";
    now.edge = store.edge;
    body.replaceChildren();
    if (!element.open || !store.edge) return;
    if (store.curve) store.set({ curve: null, preview: null });
    const answer = await host.ask("edge", { edge: store.edge }).catch(() => null);
    if (!answer || answer.edge.join() !== store.edge?.join()) return;
    if (!now.functions.length) now.functions = (await host.ask("actions")).functions;
    pick.replaceChildren(...choice([["", "choose a function …"], ...now.functions], "").children);
    pick.value = answer.function ?? "";
    if (answer.function) fill(answer.affine);
  }

  pick.addEventListener("change", () => pick.value && ask(now.edge, pick.value, null));
  element.addEventListener("toggle", load);
  store.subscribe(["view", "edge"], () => {
    const drawn = store.view && store.edge && store.view.diagram.edges.find((one) => one.key.join() === store.edge.join());
    element.hidden = Boolean(drawn?.locked) || !store.edge;
    load();
  });
  return element;
}

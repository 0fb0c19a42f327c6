// The spline of an edge, shaped by dragging it or by numbers: what the network's errors would be, before it is done.

import { button, field, folded, html } from "./elements.js";
import { latest } from "./latest.js";
import { figure } from "./words.js";

const PAUSE = 60; // ms after the curve moved
const WIDTH = 0.1; // of the range: a bump to begin with

/** @returns {HTMLElement} with `drag(place)` and `show(answer)` */
export function panel(host, store) {
  const number = (change) => html("input", { type: "number", step: "any", on: { input: change } });
  const at = number(() => look()), by = number(() => look()), width = number(() => look());
  const said = html("p", { class: "hint", "aria-live": "polite" });
  const take = button("Move the curve", () => act("add_bump", values()), { class: "primary", disabled: true });
  const flat = button("Flatten", () => act("flatten", { edge: now.edge }), { title: "Make the whole curve constant, at its mean" });
  const low = html("input", { type: "number", step: "any" }), high = html("input", { type: "number", step: "any" });
  const part = button("Flatten this part", () => act("flatten", { edge: now.edge, low: value(low), high: value(high) }));
  const element = folded("Shape by hand", { class: "shaping", level: "h3" },
    html("p", { class: "hint" }, "Drag the curve above, or give a place, how far, and how wide the bump is."),
    html("div", { class: "row" }, field("Place", at), field("By", by), field("Width", width)), said,
    html("div", { class: "row" }, take, button("Leave it", () => clear(), { class: "quiet" }), flat),
    html("div", { class: "row" }, field("Flat from", low), field("to", high), part));
  const now = { edge: null, answer: null };
  const value = (input) => (input.value === "" ? null : Number(input.value));
  const values = () => ({ edge: now.edge, at: value(at), by: value(by), width: value(width) });
  const ask = latest(PAUSE, (arguments_) => host.ask("preview", { at: store.view.at, name: "add_bump", arguments: arguments_ }),
    (answer) => {
      const [before, after] = answer.held_out[0] === null ? [answer.before, answer.after] : answer.held_out;
      said.className = "hint";
      said.textContent = `Error on ${answer.held_out[0] === null ? "these" : "new"} rows ${figure(before)} → ${figure(after)}`;
      take.disabled = false;
    },
    (problem) => {
      said.className = "hint bad";
      said.textContent = problem.message;
      take.disabled = true;
    });

  async function act(name, given) {
    clear();
    await store.act(name, given);
  }

  function clear() {
    ask.cancel();
    by.value = "";
    said.textContent = "";
    take.disabled = true;
    if (store.curve) store.set({ curve: null });
  }

  /** Draw the moved curve over the present one, and ask what the errors would be. */
  function look() {
    const { edge, at: place, by: move, width: wide } = values();
    take.disabled = true;
    if (!edge || !now.answer || [place, move, wide].includes(null) || !(wide > 0)) return;
    const { x, y } = now.answer;
    const moved = y.map((value, k) => value + move * Math.exp(-(((x[k] - place) / wide) ** 2) / 2));
    store.set({ curve: { x, y: moved, title: "moved" } });
    ask({ edge, at: place, by: move, width: wide });
  }

  /** Be about this edge: the answer to the request `edge`. */
  element.show = (answer) => {
    now.answer = answer;
    if (now.edge?.join() === answer.edge.join()) return;
    now.edge = answer.edge;
    width.value = Number((WIDTH * (answer.x.at(-1) - answer.x[0])).toPrecision(3));
    at.value = by.value = "";
    said.textContent = "";
  };

  /** Let a pointer move the curve of the plot in a place, which stays while the plot is drawn anew. */
  element.drag = (place) => place.addEventListener("pointerdown", (event) => {
    const plot = () => place.querySelector(".edge-plot");
    if (element.hidden || !plot()?.place || now.edge?.join() !== store.edge?.join()) return;
    const [from, start] = plot().place(event);
    element.open = true;
    place.setPointerCapture(event.pointerId);
    const move = (moved) => {
      at.value = Number(from.toPrecision(4));
      by.value = Number((plot().place(moved)[1] - start).toPrecision(3));
      look();
    };
    const end = () => place.removeEventListener("pointermove", move);
    place.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) place.addEventListener(kind, end, { once: true });
  });
  store.subscribe(["edge", "view"], () => {
    const edge = store.edge && store.view?.diagram.edges.find((one) => one.key.join() === store.edge.join());
    element.hidden = !edge || edge.locked || Boolean(edge.function);
  });
  return element;
}

// Two states of the session side by side: diagrams, formulas, errors, and where they differ on the rows.

import { panel as differences } from "./compare_rows.js";
import { button, choice, field, html } from "./elements.js";
import { latest } from "./latest.js";
import { still } from "./picture.js";
import { typeset } from "./typeset.js";
import { counted, edgeName, figure, errorWords } from "./words.js";

const LISTED = 12; // edges that differ

/** The panel that compares two states; at first the one here with the one before. */
export function panel(host, store) {
  const chosen = { a: null, b: null, mine: false };
  const sides = { a: html("div", { class: "state-shown" }), b: html("div", { class: "state-shown" }) };
  const selects = { a: choice([], null, {}), b: choice([], null, {}) };
  const wait = html("p", { class: "hint", role: "status" });
  const below = html("div", { class: "differences" });
  const swap = button("⇄", () => turn(), { name: "Swap the two states", class: "quiet" });
  const head = html("div", { class: "compare-head" }, field("State", selects.a), swap, field("compared with", selects.b));
  const element = html("div", { class: "compare" }, head, wait, html("div", { class: "two" }, sides.a, sides.b), below);

  const ask = latest(80, (a, b) => host.ask("compare", { a, b }), (answer) => {
    wait.textContent = "";
    show(answer, sides, below);
  }, (problem) => (wait.textContent = problem.message));

  function look() {
    if (chosen.a === null) return;
    wait.textContent = "Comparing …";
    ask(chosen.a, chosen.b);
  }

  function turn() {
    [chosen.a, chosen.b] = [chosen.b, chosen.a];
    chosen.mine = true;
    for (const key of ["a", "b"]) selects[key].value = chosen[key];
    look();
  }

  for (const key of ["a", "b"]) {
    selects[key].addEventListener("change", () => {
      chosen[key] = Number(selects[key].value);
      chosen.mine = true;
      look();
    });
  }

  store.subscribe(["view"], () => {
    const { view } = store;
    if (!view) return;
    const states = new Set(view.history.map((state) => state.id));
    if (!chosen.mine || !states.has(chosen.a) || !states.has(chosen.b)) {
      chosen.b = view.at;
      chosen.a = view.history.find((state) => state.id === view.at).parent ?? view.at;
      chosen.mine = false;
    }
    for (const key of ["a", "b"]) list(selects[key], view, chosen[key]);
    if (view.history.length > 1) look();
    else below.replaceChildren(html("p", { class: "hint" }, "There is one state so far: take a step, and compare with what was before."));
  });
  return element;
}

function list(select, view, value) {
  const rows = [...view.history].reverse().map((state) => {
    const call = state.words;
    return html("option", { value: state.id }, `${state.id}: ${call}${state.note ? `, ${state.note}` : ""}`);
  });
  select.replaceChildren(...rows);
  select.value = value;
}

function show(answer, sides, below) {
  const changed = new Set(answer.became.map((one) => one.edge.join()));
  for (const key of ["a", "b"]) sides[key].replaceChildren(...state(answer[key], changed));
  below.replaceChildren(edges(answer), differences(answer));
}

function state(side, changed) {
  const picture = still(side.view, `Network of state ${side.id}: ${counted(side.edges, "edge")}, ${counted(side.splines, "spline")}`);
  for (const mark of picture.querySelectorAll("[data-edge]")) mark.classList.toggle("changing", changed.has(mark.dataset.edge));
  const facts = [errorWords(side), counted(side.edges, "edge"), counted(side.splines, "spline"), counted(side.parameters, "parameter")];
  const formulas = (side.formula?.latex ?? []).map((latex, k) => typeset(latex, side.formula.text[k]));
  return [
    html("p", { class: "state-facts" }, html("b", {}, `State ${side.id}`), ` ${facts.join(", ")}`),
    ...formulas,
    picture,
  ];
}

/** What became of edges: those of another kind, then those whose curves moved most. */
function edges(answer) {
  const name = (edge) => edgeName(answer.a.view, edge);
  if (!answer.same_nodes) return html("p", { class: "hint" }, "The networks have other nodes: edges are not compared one by one.");
  const kinds = answer.became.map(({ edge, was, is }) => html("li", {}, html("b", {}, name(edge)), ` ${was} → ${is}`));
  const moved = [...answer.curves].sort((a, b) => b.moved - a.moved)
    .map(({ edge, moved: by }) => html("li", {}, html("b", {}, name(edge)), ` moved by ${figure(by)}`));
  const all = [...kinds, ...moved];
  if (!all.length) return html("p", { class: "hint" }, "No edge differs.");
  const more = all.length > LISTED ? html("li", { class: "hint" }, `and ${all.length - LISTED} more`) : null;
  return html("section", {}, html("h3", {}, "Edges that differ"), html("ul", { class: "changed-edges" }, all.slice(0, LISTED), more));
}

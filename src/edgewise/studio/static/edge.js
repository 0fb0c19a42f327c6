// The panel of an edge: its curve at large, what holds of it, what it could become, and what can be done to it.

import { button, html } from "./elements.js";
import { panel as shaping } from "./edge_shape.js";
import { panel as suggestions } from "./edge_suggest.js";
import { panel as constants } from "./edge_constants.js";
import { panel as rules } from "./edge_rules.js";
import { edgePlot } from "./edgeplot.js";
import { latest } from "./latest.js";
import { edgeName, figure, percent } from "./words.js";

const PAUSE = 40; // ms that a pointer rests on an edge before it is asked for

export function panel(host, store) {
  const title = html("h2", {});
  const plot = html("div", { class: "plot-place" });
  const facts = html("dl", { class: "facts" });
  const hands = html("div", { class: "row" });
  const shape = shaping(host, store);
  shape.drag(plot);
  const touch = html(
    "div",
    { class: "touch" },
    hands,
    suggestions(host, store),
    shape,
    constants(host, store),
    rules(host, store),
  );
  const close = button("×", () => store.set({ edge: null, curve: null }), {
    name: "Close the edge",
    class: "quiet close",
  });
  const element = html(
    "section",
    { class: "edge-panel", "aria-label": "Edge" },
    html("div", { class: "head" }, title, close),
    plot,
    facts,
    touch,
  );
  const known = new Map();
  let shown = null;

  const key = () => store.hovered ?? store.edge;
  const ask = latest(
    PAUSE,
    (edge) => host.ask("edge", store.rows ? { edge, rows: store.rows } : { edge }),
    (answer) => {
      known.set(answer.edge.join(), answer);
      if (key()?.join() === answer.edge.join()) show(answer);
    },
    (problem) => store.say(problem.message, "bad"),
  );

  function look(changed) {
    if (changed.includes("view") || changed.includes("rows")) known.clear();
    const edge = key();
    if (!edge || !store.view) return ask.cancel();
    touch.inert = !store.edge || edge.join() !== store.edge.join();
    touch.hidden = !store.edge;
    close.hidden = touch.inert;
    title.textContent = edgeName(store.view.diagram, edge);
    const answer = known.get(edge.join());
    if (answer) show(answer);
    else ask(edge);
  }

  function show(answer) {
    shown = answer;
    if (!touch.inert) hands.replaceChildren(...handles(store, answer));
    if (answer.there) shape.show(answer);
    drawPlot();
    facts.replaceChildren(...(answer.there ? factsOf(answer) : []));
  }

  function drawPlot() {
    if (!shown?.there) return plot.replaceChildren(html("p", { class: "hint" }, "This edge is removed."));
    const name = edgeName(store.view.diagram, shown.edge);
    const other = store.edge?.join() === shown.edge.join() ? store.curve : null;
    const words = { from: shown.from, name: `the edge ${name.replace(" → ", " to ")}` };
    plot.replaceChildren(edgePlot(shown, words, other));
  }

  store.subscribe(["view", "edge", "hovered", "rows"], look);
  store.subscribe(["curve"], () => shown && key()?.join() === shown.edge.join() && drawPlot());
  return element;
}

function factsOf(edge) {
  const rows = [
    ["Share", percent(edge.score ** 2), edge.score > 1.2 ? "More than the output varies: other edges cancel a part of it, and what it shows alone says little" : "The variance that goes through this edge, over that of the output"],
    ["Score", figure(edge.score), "How much of the output's variation goes through this edge: the larger, the more it matters"],
    ["Signed", figure(edge.signed), "The score with a sign: positive where the edge moves the output the same way as the rest, negative where it works against it"],
    ["Outside", percent(edge.outside), "Share of the rows beyond the first and the last knot of the spline, where its curve extrapolates"],
    ["Kind", edge.function ?? `spline, ${edge.grid} cells`, edge.function ? "A function of the library" : "Cells are the intervals between knots: more of them follow finer shapes"],
  ];
  if (edge.formula) rows.push(["Formula", edge.formula, ""]);
  if (edge.meaning) rows.push(["Column", meaningWords(edge.meaning), ""]);
  const said = Object.entries(edge.rule).map(([name, value]) => ruleWords(name, value));
  if (said.length) rows.push(["Rules", said.join(", "), ""]);
  return rows.flatMap(([name, value, help]) => [
    html("dt", { title: help || null }, name),
    html("dd", { class: name === "Formula" ? "formula-text" : name === "Column" ? "meaning" : null }, value),
  ]);
}

/** What the numbers of a column stand for. */
function meaningWords({ kind, of, levels }) {
  if (kind === "log") return `natural logarithm of ${of}`;
  if (kind === "level") return `1 where ${of} is ${levels[0]}, else 0`;
  return kind === "gap" ? `1 where ${of} is missing, else 0` : `days or years, from the dates of ${of}`;
}

function ruleWords(name, value) {
  if (name === "monotone") return value > 0 ? "rising" : "falling";
  if (name === "functions") return `must become ${value.join(" or ")}`;
  return name === "smooth" ? `smooth, weight ${figure(value)}` : name;
}

/** The buttons that change the whole edge. */
function handles(store, { edge, there, rule, function: symbol }) {
  const act = (text, name, hint, values = { edge }) => button(text, () => store.act(name, values), { title: hint });
  if (!there) return [act("Restore", "restore_edge", "Bring the edge back (r)")];
  const locked = rule.locked === true;
  return [
    !locked && act("Prune", "prune_edge", "Replace the edge by its mean (p)"),
    !locked && symbol && act("To spline", "to_spline", "Make it a spline again (s)"),
    locked
      ? act("Unlock", "unlock", "Let it be changed again (l)", { edges: [edge] })
      : act("Lock", "lock", "Protect it from any change (l)", { edges: [edge] }),
  ].filter(Boolean);
}

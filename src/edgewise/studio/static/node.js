// The panel of a node: what it computes, which values it takes, and what can be done to it.

import { button, html, svg } from "./elements.js";
import { latest } from "./latest.js";
import { figure, nodeName } from "./words.js";

const PAUSE = 40; // ms that a pointer rests on a node before it is asked for
const WIDE = 380,
  HIGH = 110,
  BOTTOM = 22;

export function panel(host, store) {
  const title = html("h2", {});
  const close = button("×", () => store.set({ node: null }), { name: "Close the node", class: "quiet close" });
  const body = html("div", {});
  const element = html(
    "section",
    { class: "node-panel", "aria-label": "Node" },
    html("div", { class: "head" }, title, close),
    body,
  );
  const key = () => store.hoveredNode ?? store.node;
  const ask = latest(
    PAUSE,
    (node) => host.ask("node", store.rows ? { node, rows: store.rows } : { node }),
    (answer) => {
      if (key()?.join() === answer.node.join()) body.replaceChildren(...shown(store, answer));
    },
    (problem) => store.say(problem.message, "bad"),
  );
  store.subscribe(["view", "node", "hoveredNode", "rows"], () => {
    const node = key();
    if (!node || !store.view) return ask.cancel();
    title.textContent = nodeName(store.view.diagram, node);
    close.hidden = node.join() !== store.node?.join();
    ask(node);
  });
  return element;
}

function shown(store, answer) {
  const { node, factors, name } = answer;
  const last = store.view.diagram.node_names.length - 1;
  const hidden = node[0] > 0 && node[0] < last;
  const act = (text, action, hint) => button(text, () => store.act(action, { node }), { title: hint });
  const hands = [
    node[0] > 0 && act("Lock", "lock_node", "Protect all edges that end here"),
    node[0] > 0 && act("Unlock", "unlock_node", "Let the edges that end here be changed again"),
    hidden && act("Remove", "remove_node", "Remove the node; its mean stays"),
    hidden &&
      button("Add a node here", () => store.act("add_nodes", { depth: node[0], nodes: 1 }), {
        title: "Add a node to this level, unused until trained",
      }),
  ].filter(Boolean);
  const sums = factors.map((terms, k) => sum(store, terms, factors.length > 1 ? `Factor ${k + 1}` : `${name} =`));
  const touched = store.node?.join() === node.join();
  return [histogram(answer.values, name), html("div", { class: "row", hidden: !touched }, hands), ...sums];
}

/** The terms that a node adds up; each leads to its edge. */
function sum(store, terms, title) {
  const rows = terms.map(({ edge, from, formula }) => {
    const text = formula ?? `a spline of ${from}`;
    return html(
      "li",
      {},
      button(text, () => store.set({ edge, node: null }), { class: `term ${formula ? "symbolic" : ""}` }),
    );
  });
  if (!rows.length) rows.push(html("li", {}, "a constant"));
  return html("div", {}, html("h3", {}, title), html("ul", { class: "terms" }, rows));
}

function histogram({ edges, counts }, name) {
  const most = Math.max(...counts, 1);
  const step = WIDE / counts.length;
  const bars = counts.map((count, k) => {
    const tall = (count / most) * (HIGH - BOTTOM);
    return svg("rect", { x: k * step, width: step - 1, y: HIGH - BOTTOM - tall, height: tall });
  });
  const said = `Values of ${name}, from ${figure(edges[0])} to ${figure(edges.at(-1))}`;
  return svg(
    "svg",
    { class: "node-values", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": said },
    svg("g", { class: "density" }, bars),
    svg("text", { x: 0, y: HIGH - 6 }, figure(edges[0])),
    svg("text", { x: WIDE, y: HIGH - 6, "text-anchor": "end" }, figure(edges.at(-1))),
  );
}

// The panel of what is selected: an edge, a node, or else the network's edges by score.

import { button, html, unseen } from "./elements.js";
import { panel as edgePanel } from "./edge.js";
import { panel as nodePanel } from "./node.js";
import { counted, edgeName, figure } from "./words.js";

const MOST = 40; // edges in the list
const IDLE = 1e-6; // score below which an edge does nothing

export function panel(host, store) {
  const edge = edgePanel(host, store);
  const node = nodePanel(host, store);
  const list = html("section", { class: "overview", "aria-label": "Edges by score" });
  const element = html("div", { class: "selected" }, edge, node, list);
  let drawn = null;

  store.subscribe(["view", "job", "edge", "node", "hovered", "hoveredNode"], () => {
    const atNode = Boolean(store.hoveredNode ?? (store.hovered ? null : store.node));
    const atEdge = !atNode && Boolean(store.hovered ?? store.edge);
    edge.hidden = !atEdge;
    node.hidden = !atNode;
    list.hidden = atEdge || atNode;
    const diagram = store.job?.picture ?? store.view?.diagram; // scores follow the network that is drawn
    if (!list.hidden && diagram && drawn !== diagram) overview(list, store, (drawn = diagram));
  });
  return element;
}

function overview(list, store, diagram) {
  const idle = diagram.edges.filter((edge) => (edge.score ?? 0) < IDLE && !edge.locked);
  const edges = diagram.edges.filter((edge) => !idle.includes(edge)).sort((a, b) => b.score - a.score).slice(0, MOST);
  const most = Math.max(...edges.map((edge) => edge.score ?? 0), 1e-9);
  const rows = edges.map((edge) => {
    const choose = () => store.set({ edge: edge.key, node: null });
    const bar = html("span", { class: "bar", look: { "--share": (edge.score ?? 0) / most } });
    const attributes = { type: "button", class: edge.function ? "symbolic" : "", on: { click: choose } };
    const parts = [
      html("span", { class: "what" }, edgeName(diagram, edge.key)),
      html("span", { class: "kind" }, unseen(", "), edge.function ?? "spline", unseen(", score ")),
      bar,
      html("span", { class: "number" }, figure(edge.score, 2)),
    ];
    return html("li", {}, html("button", attributes, ...parts));
  });
  const hint = html(
    "p",
    { class: "hint" },
    "Point at an edge to see its curve, click it to change it. Press ? for the keys.",
  );
  const remove = () => store.act("prune", { threshold: IDLE, cuts: [], merge: false });
  const rest = idle.length > 0 && html("p", { class: "hint" }, `${counted(idle.length, "edge")} ${idle.length === 1 ? "does" : "do"} nothing. `,
    button("Remove them", remove, { class: "quiet" }));
  list.replaceChildren(...[html("h2", {}, "Edges by score"), hint, html("ol", { class: "edge-list" }, rows), rest].filter(Boolean));
}

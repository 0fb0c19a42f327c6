// The history: every state of the session as a tree, newest first; a click goes there.

import { button, field, html, svg, unseen } from "./elements.js";
import { branchWords, counted, errorWords, figure } from "./words.js";

const SIZES = ["edge", "spline", "parameter"];
const LANE = 16,
  ROW = 30; // pixels

export function panel(host, store) {
  const graph = svg("svg", { class: "tree", "aria-hidden": "true" });
  const list = html("ol", { class: "states", "aria-label": "States, newest first" });
  const note = html("input", { type: "text", placeholder: "why this step …", autocomplete: "off" });
  const branch = html("input", { type: "text", placeholder: "name of the branch", autocomplete: "off" });
  const noteField = field("Note to this state", note),
    branchField = field("Begin a branch here", branch);
  const keep = () => store.change("note", { text: note.value }, noteField.problem);
  const begin = async () => {
    const name = branch.value.trim();
    branchField.problem("");
    if (!(await store.change("branch", { name }, branchField.problem))) return;
    branch.value = "";
    store.say(`The next step begins the ${branchWords(name)}.`, "good");
  };
  for (const [input, act] of [
    [note, keep],
    [branch, begin],
  ])
    input.addEventListener("keydown", (event) => event.key === "Enter" && act());
  const here = html("p", { class: "here" });
  const side = html(
    "div",
    { class: "state-side" },
    here,
    html("div", { class: "with-button" }, noteField, button("Save note", keep)),
    html("div", { class: "with-button" }, branchField, button("Begin", begin, { name: "Begin the branch" })),
  );
  const scroll = html("div", { class: "tree-scroll", tabindex: -1 }, graph, list);
  const element = html("div", { class: "history" }, scroll, side);
  let drawn = null;

  store.subscribe(["view"], () => {
    const { view } = store;
    if (!view || view === drawn) return;
    drawn = view;
    const focused = list.contains(document.activeElement);
    const rows = [...view.history].reverse();
    const lanes = lanesOf(view.history);
    drawGraph(graph, rows, lanes, view.at);
    list.replaceChildren(...rows.map((row) => line(store, row, row.id === view.at)));
    list.style.setProperty("--indent", `${(Math.max(...lanes.values()) + 1) * LANE + 8}px`);
    noteField.problem("");
    const state = view.history.find((row) => row.id === view.at);
    if (!side.contains(document.activeElement)) note.value = state.note;
    here.replaceChildren(
      html("b", {}, `State ${state.id}`),
      ` on ${branchWords(view.branch)}: ${errorWords(state)}, ${SIZES.map((noun) => counted(state[`${noun}s`], noun)).join(", ")}`,
    );
    const current = list.querySelector("[aria-current]");
    if (focused) current?.focus();
    if (current && scroll.clientHeight) scroll.scrollTop = Math.max(0, current.offsetTop - scroll.clientHeight / 2);
  });
  return element;
}

/** The column of each state: a branch keeps its column. */
function lanesOf(states) {
  const lanes = new Map(),
    branches = [...new Set(states.map((state) => state.branch))];
  for (const state of states) lanes.set(state.id, branches.indexOf(state.branch));
  return lanes;
}

function line(store, row, current) {
  const go = () => !current && store.change("move", { to: row.id });
  const attributes = { type: "button", "aria-current": current ? "step" : null, title: row.action, on: { click: go } };
  const parts = [
    html("span", { class: "id" }, unseen("State "), String(row.id)),
    html("span", { class: "call" }, row.words),
    html("span", { class: "note" }, row.note),
    html("span", { class: "number", title: errorWords(row) }, unseen("error "), figure(row.held_out ?? row.error), unseen(`, ${branchWords(row.branch)}`)),
  ];
  return html("li", {}, html("button", attributes, ...parts));
}

function drawGraph(graph, rows, lanes, at) {
  const place = new Map(rows.map((row, k) => [row.id, [LANE / 2 + lanes.get(row.id) * LANE + 4, (k + 0.5) * ROW]]));
  const parts = [];
  for (const row of rows) {
    const [x, y] = place.get(row.id);
    const parent = place.get(row.parent);
    if (!parent) continue;
    const [px, py] = parent;
    const path =
      px === x
        ? `M${x} ${y}V${py}`
        : `M${x} ${y}V${py - ROW * 0.8}C${x} ${py - ROW * 0.2} ${px} ${py - ROW * 0.5} ${px} ${py}`;
    parts.push(svg("path", { d: path }));
  }
  for (const row of rows) {
    const [cx, cy] = place.get(row.id);
    parts.push(svg("circle", { cx, cy, r: row.id === at ? 5.5 : 3.5, class: row.id === at ? "current" : "" }));
  }
  const wide = (Math.max(...lanes.values()) + 1) * LANE + 8;
  graph.setAttribute("width", wide);
  graph.setAttribute("height", rows.length * ROW);
  graph.replaceChildren(...parts);
}

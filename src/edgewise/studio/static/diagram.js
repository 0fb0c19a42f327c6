// The diagram of the page: the network as it is, or as it trains; zoomed and panned, touched and walked through.

import { button, html, svg } from "./elements.js";
import { READABLE, endSize, picture } from "./picture.js";
import { d3 } from "./vendor.js";
import { counted, edgeName } from "./words.js";
import { rowsOf, step } from "./walk.js";

const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const MARGIN = 18; // pixels around a diagram that fits
const ABOVE = 44; // pixels above it, where the buttons are
const LARGEST = 62; // pixels of a box's side at which a small diagram stops growing

/** The panel with the diagram; it selects and hovers through the store. */
export function panel(host, store) {
  const stage = svg("svg", {
    class: "stage",
    role: "group",
    "aria-label": "Network diagram. Arrow keys move, Enter selects.",
  });
  const ground = svg("g");
  stage.append(ground);
  const zoomed = zooming(stage, ground);
  const removed = html("details", { class: "removed" });
  const note = html("p", { class: "stage-note" });
  const element = html("section", { class: "diagram", "aria-label": "Diagram" }, stage, tools(zoomed), note, removed);
  const now = { drawn: null, diagram: null, place: null };

  function draw(diagram) {
    const known = now.drawn?.update(diagram);
    const before = now.diagram;
    now.diagram = diagram;
    if (known) return;
    const focused = stage.contains(document.activeElement) ? now.place : null;
    now.drawn = picture(diagram);
    ground.replaceChildren(now.drawn.element);
    if (JSON.stringify(before?.bounds) !== JSON.stringify(diagram.bounds)) zoomed.hold(diagram);
    const [left, bottom, right, top] = diagram.bounds;
    element.style.setProperty("--aspect", ((right - left) / (top - bottom)).toFixed(3));
    rove(now, focused);
    mark(now, store);
  }

  touching(stage, now, store);
  store.subscribe(["view", "job"], () => {
    const shown = store.job?.picture ?? store.view?.diagram;
    stage.classList.toggle("working", Boolean(store.job));
    if (shown) draw(shown);
  });
  store.subscribe(["view", "edge", "node", "hovered", "preview"], () => now.drawn && mark(now, store));
  store.subscribe(["view"], () => store.view && showRemoved(removed, store));
  store.subscribe(["session"], zoomed.fit);
  store.subscribe(["preview", "rows", "view"], () => (note.textContent = noteOf(store) || widerNote(stage)));
  new ResizeObserver(() => zoomed.resized()).observe(stage);
  element.fit = zoomed.fit;
  element.enter = () => focusPlace(now, now.place ?? step(rowsOf(now.diagram), null, ""));
  return element;
}

/** Zoom and pan; the diagram is fitted again when its place changes, until a person has zoomed. */
function zooming(stage, ground) {
  let bounds = null,
    text = 0,
    mine = false;
  const zoom = d3
    .zoom()
    .scaleExtent([2, 400])
    .on("zoom", (event) => {
      ground.setAttribute("transform", event.transform);
      if (event.sourceEvent) mine = true;
    });
  const chosen = d3.select(stage).call(zoom).on("dblclick.zoom", null);

  function fit() {
    const { clientWidth: wide, clientHeight: high } = stage;
    if (!bounds || !wide || !high) return;
    const [left, bottom, right, top] = bounds;
    const room = Math.min((wide - 2 * MARGIN) / (right - left), (high - ABOVE - MARGIN) / (top - bottom));
    const scale = Math.max(Math.min(room, LARGEST), text ? READABLE / text : 0);
    stage.classList.toggle("wider", scale > room);
    const whole = scale * (right - left) <= wide - 2 * MARGIN;
    const x = whole ? wide / 2 - (scale * (left + right)) / 2 : MARGIN - scale * left;
    const y = (high + ABOVE - MARGIN) / 2 + (scale * (bottom + top)) / 2;
    chosen.call(zoom.transform, d3.zoomIdentity.translate(x, y).scale(scale));
    mine = false;
  }
  return {
    fit,
    by: (factor) => chosen.call(zoom.scaleBy, factor),
    resized: () => mine || fit(),
    hold(diagram) {
      bounds = diagram.bounds;
      text = endSize(diagram);
      fit();
    },
  };
}

function tools(zoomed) {
  return html(
    "div",
    { class: "stage-tools", role: "toolbar", "aria-label": "Zoom" },
    button("+", () => zoomed.by(1.3), { name: "Zoom in" }),
    button("−", () => zoomed.by(1 / 1.3), { name: "Zoom out" }),
    button("Fit", zoomed.fit, { name: "Fit the diagram to the window" }),
  );
}

const keyOf = (text) => text.split(",").map(Number);

/** What pointer and keys do to edges and nodes. */
function touching(stage, now, store) {
  const found = (event) => event.target.closest?.("[data-edge], [data-node]");
  const hover = ({ edge, node }) =>
    store.set({ hovered: edge ? keyOf(edge) : null, hoveredNode: node ? keyOf(node) : null });

  function select(target) {
    const { edge, node } = target.dataset;
    now.place = edge ? { kind: "edge", key: edge } : { kind: "node", key: node };
    rove(now);
    store.set(edge ? { edge: keyOf(edge), node: null, curve: null } : { node: keyOf(node), edge: null, curve: null });
  }

  stage.addEventListener("click", (event) => {
    const target = found(event);
    if (target) select(target);
    else store.set({ edge: null, node: null, curve: null });
  });
  stage.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    hover(found(event)?.dataset ?? {});
  });
  stage.addEventListener("pointerleave", () => hover({}));
  stage.addEventListener("focusin", (event) => {
    const target = found(event);
    if (!target) return;
    const { edge, node } = target.dataset;
    now.place = edge ? { kind: "edge", key: edge } : { kind: "node", key: node };
    if (target.matches(":focus-visible")) hover(target.dataset);
  });
  stage.addEventListener("focusout", () => hover({}));
  stage.addEventListener("keydown", (event) => {
    if (ARROWS.has(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      focusPlace(now, step(rowsOf(now.diagram), now.place, event.key));
    }
    if ((event.key === "Enter" || event.key === " ") && found(event)) {
      event.preventDefault();
      select(found(event));
    }
  });
}

const elementOf = (now, place) =>
  place?.kind === "edge" ? now.drawn.edges.get(place.key)?.box : now.drawn.nodes.get(place?.key);

/** One place of the diagram can be reached by Tab: the last one, or the first edge. */
function rove(now, focused = null) {
  for (const one of now.drawn.element.querySelectorAll("[tabindex='0']")) one.setAttribute("tabindex", -1);
  if (!elementOf(now, now.place)) now.place = step(rowsOf(now.diagram), null, "");
  elementOf(now, now.place)?.setAttribute("tabindex", 0);
  if (focused) elementOf(now, now.place)?.focus();
}

function focusPlace(now, place) {
  if (!place) return;
  now.place = place;
  rove(now);
  elementOf(now, place)?.focus();
}

/** Show what is selected, hovered, and what a preview would change. */
function mark(now, store) {
  const selected = store.edge?.join(),
    hovered = store.hovered?.join(),
    node = store.node?.join();
  const going = new Set((store.preview?.going ?? []).map((key) => key.join()));
  const changing = new Set((store.preview?.changing ?? []).map((key) => key.join()));
  for (const [key, { line, box }] of now.drawn.edges) {
    for (const element of [line, box]) {
      element.classList.toggle("selected", key === selected);
      element.classList.toggle("hovered", key === hovered);
      element.classList.toggle("going", going.has(key));
      element.classList.toggle("changing", changing.has(key));
    }
    box.setAttribute("aria-pressed", key === selected);
  }
  for (const [key, element] of now.drawn.nodes) {
    element.classList.toggle("selected", key === node);
    element.setAttribute("aria-pressed", key === node);
  }
}

function noteOf(store) {
  if (store.preview?.title) return store.preview.title;
  if (store.rows && store.view) return `Scores and curves over ${store.view.selected} of ${store.view.rows} rows`;
  return "";
}

/** That a diagram goes on outside, where its names would be too small to read if it were all shown. */
function widerNote(stage) {
  return stage.classList.contains("wider") ? "Drag to see the rest of the network." : "";
}

/** The removed edges, each with a button that brings it back, and the inputs that no edge leaves. */
function showRemoved(list, store) {
  const { removed, diagram } = store.view;
  list.hidden = removed.length === 0;
  const rows = removed.map((key) => {
    const name = edgeName(diagram, key);
    const restore = button("Restore", () => store.act("restore_edge", { edge: key }), {
      name: `Restore the edge from ${name.replace(" → ", " to ")}`,
    });
    return html("li", {}, html("span", {}, name), restore);
  });
  const drawn = new Set(diagram.nodes.filter((node) => node.layer === 0).map((node) => node.index));
  const unused = diagram.node_names[0].filter((name, i) => !drawn.has(i));
  const names = html("p", { class: "hint", hidden: !unused.length }, `Not used: ${unused.join(", ")}`);
  list.replaceChildren(html("summary", {}, counted(removed.length, "removed edge")), names, html("ul", {}, rows));
}

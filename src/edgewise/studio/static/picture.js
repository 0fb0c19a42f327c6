// A network as it is printed, in SVG: one group for each edge and node, which can be updated as the network trains.

import { html, svg } from "./elements.js";
import { curvePath, edgePath, labelTransform } from "./shapes.js";
import { edgeWords } from "./words.js";

const FAINTEST = 0.18;
const FAINTEST_BOX = 0.35;

/** Pixels of the names of inputs and outputs, at least: a picture may be wider than a phone. */
export const READABLE = 10;

/** The size of the smallest name of an input or output, in units of the diagram. */
export function endSize(diagram) {
  const ends = diagram.names.filter((spot) => spot.layer === 0 || spot.layer === diagram.node_names.length - 1);
  return Math.min(...ends.map((spot) => spot.points)) / 72 / diagram.unit;
}

/**
 * Draw the `diagram` of a view. The group's units are those of the diagram, y downward.
 * @param {object} diagram - as `view` gives it
 * @returns {{element: SVGGElement, edges: Map, nodes: Map, update: (diagram: object) => boolean}} - elements by key;
 *   `update` changes curves and shades, and is false where the network has another shape: then draw it anew
 */
export function picture(diagram) {
  const lines = svg("g", { class: "lines", "aria-hidden": "true" });
  const boxes = svg("g", { class: "boxes" });
  const edges = new Map();
  const byScore = [...diagram.edges].sort((a, b) => (a.score ?? 0) - (b.score ?? 0));
  for (const edge of byScore) {
    const key = edge.key.join();
    const path = edgePath(diagram.kind, edge);
    const line = svg(
      "g",
      { class: "line", "data-edge": key },
      svg("path", { class: "near", d: path }),
      svg("path", { class: "ink", d: path }),
    );
    const box = edgeBox(diagram, edge);
    lines.append(line);
    boxes.append(box);
    edges.set(key, { line, box, curve: box.querySelector(".curve") });
    shade(edges.get(key), diagram, edge);
  }
  const nodes = new Map(diagram.nodes.map((node) => [`${node.layer},${node.index}`, nodeGroup(diagram, node)]));
  const names = svg(
    "g",
    { class: "names", "aria-hidden": "true" },
    diagram.names.map((spot) => nameGroup(diagram, spot)),
  );
  const element = svg(
    "g",
    { class: "network" },
    lines,
    boxes,
    svg("g", { class: "nodes" }, [...nodes.values()]),
    names,
  );
  const shape = shapeOf(diagram);

  function update(next) {
    if (shapeOf(next) !== shape) return false;
    for (const edge of next.edges) shade(edges.get(edge.key.join()), next, edge);
    return true;
  }

  return { element, edges, nodes, update };
}

/** All that needs other elements when it changes. */
function shapeOf(diagram) {
  const edges = diagram.edges.map((e) => [e.key, e.box, e.size, e.locked, e.label?.text ?? null]);
  return JSON.stringify([diagram.kind, diagram.bounds, edges, diagram.node_names]);
}

function shade({ line, box, curve }, diagram, edge) {
  line.style.setProperty("--shade", Math.max(edge.opacity, FAINTEST).toFixed(3));
  box.style.setProperty("--shade", Math.max(edge.opacity, FAINTEST_BOX).toFixed(3));
  for (const element of [line, box]) element.classList.toggle("symbolic", Boolean(edge.function));
  curve.setAttribute("d", curvePath(edge));
  box.setAttribute("aria-label", edgeWords(diagram, edge));
}

function edgeBox(diagram, edge) {
  const [x, y] = edge.box;
  const [wide, high] = edge.size;
  const box = { x: x - wide / 2, y: -y - high / 2, width: wide, height: high, rx: 0.12 };
  const group = svg("g", { class: "edge", "data-edge": edge.key.join(), role: "button", tabindex: -1 });
  group.append(svg("rect", { class: "box", ...box }), svg("path", { class: "curve" }));
  if (edge.label)
    group.append(
      labelled(edge.label, diagram.points / 72 / diagram.unit, x, y - high / 2 + 0.52 * edge.strip, {}, "formula"),
    );
  if (edge.locked) group.append(padlock(x + wide / 2, -y - high / 2));
  return group;
}

/** A label, from its outline or as text, `size` being its font's size in units of the diagram. */
function labelled(label, size, x, y, place, kind) {
  if (label.path)
    return svg("path", { class: kind, d: label.path, transform: labelTransform(label, size, x, y, place) });
  const anchor = { left: "start", right: "end" }[place.ha] ?? "middle";
  const base = { top: "hanging", bottom: "auto", baseline: "auto" }[place.va] ?? "central";
  const turned = `translate(${x} ${-y}) rotate(${-(place.angle ?? 0)})`;
  const look = { class: kind, transform: turned, "font-size": size, "text-anchor": anchor, "dominant-baseline": base };
  return svg("text", look, label.text);
}

function padlock(x, y) {
  const group = svg("g", { class: "padlock", transform: `translate(${x} ${y})` });
  group.append(
    svg("circle", { r: 0.2 }),
    svg("path", { d: "M-.05-.02v-.04a.05.05 0 0 1 .1 0v.04", class: "shackle" }),
    svg("rect", { x: -0.085, y: -0.02, width: 0.17, height: 0.12, rx: 0.02, class: "body" }),
  );
  return group;
}

function nodeGroup(diagram, node) {
  const name = diagram.node_names[node.layer][node.index];
  const said = `${{ input: "Input", product: "Product" }[node.kind] ?? "Node"} ${name}`;
  const group = svg("g", {
    class: `node ${node.kind}`,
    "data-node": `${node.layer},${node.index}`,
    role: "button",
    tabindex: -1,
    "aria-label": said,
  });
  const far = node.radius + 0.15;
  group.append(svg("circle", { class: "near", cx: node.x, cy: -node.y, r: Math.max(far, 0.35) }));
  if (node.kind !== "product") {
    group.append(svg("circle", { class: "dot", cx: node.x, cy: -node.y, r: node.radius }));
    return group;
  }
  for (const [x, y] of node.factors) {
    group.append(
      svg("line", { x1: x, y1: -y, x2: node.x, y2: -node.y }),
      svg("circle", { class: "dot", cx: x, cy: -y, r: 0.08 }),
    );
  }
  const arm = node.radius / 2;
  group.append(svg("circle", { class: "ring", cx: node.x, cy: -node.y, r: node.radius }));
  for (const sign of [1, -1]) {
    group.append(
      svg("line", { x1: node.x - arm, y1: -node.y - sign * arm, x2: node.x + arm, y2: -node.y + sign * arm }),
    );
  }
  return group;
}

function nameGroup(diagram, spot) {
  const last = diagram.node_names.length - 1;
  const kind = spot.layer === 0 || spot.layer === last ? "name" : "name inner";
  return labelled(spot.label, spot.points / 72 / diagram.unit, spot.x, spot.y, spot, kind);
}

/** A picture that nothing can be done with, as large as its place: for comparisons and candidates. */
export function still(diagram, said) {
  const [left, bottom, right, top] = diagram.bounds;
  const beside = 0.04 * (right - left); // letters of this page may be wider than those that were measured
  const view = `${left - beside} ${-top} ${right - left + 2 * beside} ${top - bottom}`;
  const drawn = picture(diagram);
  for (const element of drawn.element.querySelectorAll("[role]")) {
    for (const name of ["role", "tabindex", "aria-label"]) element.removeAttribute(name);
  }
  const image = svg("svg", { viewBox: view, role: "img", "aria-label": said, class: "still" }, drawn.element);
  const wide = (right - left + 2 * beside) * (READABLE / endSize(diagram));
  image.style.setProperty("--readable", `${Math.ceil(wide)}px`);
  return html("div", { class: "still-frame", tabindex: 0 }, image);
}

// Maps of pairs of columns: blue adds, orange takes away.

import { html } from "./elements.js";
import { figure } from "./words.js";
import { brief, said } from "./axes.js";
import { signed } from "./panels.js";

const POINTS = 48;

/** The values of a column on one side of a map: of a number in steps, or levels. */
function sideOf(column, drawn) {
  if (column.kind === "category") return [...drawn.x];
  const [low, high] = [drawn.x[0], drawn.x.at(-1)];
  const at = (k) => (k + 0.5) / POINTS;
  return Array.from({ length: POINTS }, (_, k) => (drawn.log ? low * (high / low) ** at(k) : low + (high - low) * at(k)));
}

/**
 * A figure of a pair of columns.
 * @param {object[]} columns - both
 * @param {object[]} drawn - both, from Python
 * @param {(x: number, y: number) => number} value - what the pair adds
 * @param {string} note
 */
export function pairPanel(columns, drawn, value, note) {
  const [xs, ys] = columns.map((column, k) => sideOf(column, drawn[k]));
  const cells = ys.map((y) => xs.map((x) => value(x, y)));
  const top = Math.max(1e-12, ...cells.flat().map(Math.abs));
  const canvas = html("canvas", { width: xs.length, height: ys.length, role: "img", "aria-label": `What ${columns[0].name} and ${columns[1].name} add together: from ${signed(Math.min(...cells.flat()))} to ${signed(Math.max(...cells.flat()))}.` });
  paint(canvas, cells, top);
  const readout = html("span", { class: "readout" });
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const i = Math.min(xs.length - 1, Math.floor(((event.clientX - box.left) / box.width) * xs.length));
    const j = Math.min(ys.length - 1, Math.floor((1 - (event.clientY - box.top) / box.height) * ys.length));
    if (i >= 0 && j >= 0) readout.textContent = `${said(columns[0], xs[i])}, ${said(columns[1], ys[j])}: ${signed(cells[j][i])}`;
  });
  canvas.addEventListener("pointerleave", () => { readout.textContent = ""; });
  const name = columns.map((column) => column.name).join(" × ");
  const head = html("figcaption", {}, html("strong", {}, name), html("span", { class: "soft" }, note), readout);
  const legend = html("p", { class: "legend" }, html("span", { class: "number" }, figure(-top)), html("span", { class: "ramp" }), html("span", { class: "number" }, `+${figure(top)}`));
  return html("figure", { class: "panel map" }, head, html("div", { class: "map-grid" }, sideWords(columns[1], ys, "up"), canvas, html("span"), sideWords(columns[0], xs, "across")), legend);
}

function sideWords(column, values, way) {
  const levels = column.kind === "category" && values.length <= 6;
  const shown = levels ? values : [values[0], values.at(-1)];
  const words = shown.map((value) => html("span", {}, brief(said(column, value), 9)));
  if (!levels) words.splice(1, 0, html("em", {}, brief(column.name, 14)));
  return html("div", { class: `side ${way}${levels ? " levels" : ""}`, title: column.name }, words);
}

function paint(canvas, cells, top) {
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const [paper, adds, takes] = ["--paper", "--adds", "--takes"].map((name) => rgb(style.getPropertyValue(name)));
  const image = pen.createImageData(canvas.width, canvas.height);
  cells.forEach((row, j) => row.forEach((value, i) => {
    const share = Math.min(1, Math.abs(value) / top), goal = value > 0 ? adds : takes;
    const at = 4 * ((canvas.height - 1 - j) * canvas.width + i);
    for (let c = 0; c < 3; c++) image.data[at + c] = paper[c] + share * (goal[c] - paper[c]);
    image.data[at + 3] = 255;
  }));
  pen.putImageData(image, 0, 0);
}

function rgb(text) {
  const hex = text.trim().slice(1);
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

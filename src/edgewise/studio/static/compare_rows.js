// Where two states differ on the rows: how far, against which column, and the rows that differ most.

import { bars } from "./bars.js";
import { choice, field, html } from "./elements.js";
import { scatter } from "./scatter.js";
import { counted, figure } from "./words.js";

/** @param {object} answer - to the request `compare` */
export function panel(answer) {
  const parts = answer.targets.map((target) => one(answer, target, answer.targets.length > 1));
  return html("section", { "aria-label": "Differences on the rows" }, html("h3", {}, "Differences on the rows"), parts);
}

function one(answer, target, several) {
  const words = `${target.target} of state ${answer.b.id} less that of state ${answer.a.id}`;
  const undefinedRows = target.undefined ? ` In ${counted(target.undefined, "row")} one of them has no finite value.` : "";
  const size = several ? "" : ` They differ by ${figure(answer.moved)} (root mean square).`;
  const said = html("p", { class: "hint" }, `${words}.${size}${undefinedRows}`);
  if (!target.histogram.counts.length) return html("div", {}, html("p", { class: "hint" }, `${several ? `${target.target}: n` : "N"}o row differs.`));
  const name = `Δ ${target.target}`;
  const histogram = bars({ ...target.histogram, xName: name, said: `Histogram of ${words}`, high: 220 });
  return html("div", {}, said, html("div", { class: "plots" }, histogram, against(target, name)), table(target, answer, name));
}

/** The differences against one of the columns. */
function against({ sample }, yName) {
  const place = html("div", {});
  const select = choice(Object.keys(sample.columns), Object.keys(sample.columns)[0]);
  const draw = () => place.replaceChildren(scatter({
    x: sample.columns[select.value], y: sample.difference, xName: select.value, yName, levels: [{ at: 0 }], high: 190,
    said: `Differences against ${select.value}, ${sample.difference.length} rows`,
  }));
  select.addEventListener("change", draw);
  draw();
  const element = html("div", { class: "against" }, place, field("Against the column", select));
  return element;
}

function table({ largest, target }, answer, name) {
  const columns = Object.keys(largest.columns);
  const heads = ["row", ...columns, `state ${answer.a.id}`, `state ${answer.b.id}`, name];
  const rows = largest.row.map((row, k) => {
    const cells = [...columns.map((column) => largest.columns[column][k]), largest.a[k], largest.b[k], largest.difference[k]];
    return html("tr", {}, html("th", { scope: "row" }, String(row)), cells.map((value) => html("td", {}, figure(value, 4))));
  });
  return html(
    "div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": `Rows in which ${target} differs most` },
    html("table", { class: "numbers" }, html("caption", {}, "The rows that differ most"), html("thead", {}, html("tr", {}, heads.map((head) => html("th", { scope: "col" }, head)))), html("tbody", {}, rows)),
  );
}

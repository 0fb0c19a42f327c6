// One formula of the front: typeset with standard errors, its residuals, its network, and what to do with it.

import { button, html } from "./elements.js";
import { still } from "./picture.js";
import { scatter } from "./scatter.js";
import { copy } from "./takeaway.js";
import { typeset } from "./typeset.js";
import { counted, determination, figure } from "./words.js";

/**
 * @param {object} front - the answer to the request `front`
 * @param {number|null} index - null for the formula that was fitted
 * @param {(index: number|null) => void} select - shows another one, or all of them
 */
export function panel(host, store, front, index, select) {
  const row = front.candidates[index];
  const back = button("‹ All formulas", () => select(null), { class: "quiet" });
  const step = (by) => button(by < 0 ? "‹" : "›", () => select(index + by), { name: by < 0 ? "The simpler formula before" : "The next, less simple formula", disabled: !front.candidates[index + by], class: "quiet" });
  const more = html("div", { class: "candidate-more" }, html("p", { class: "hint" }, "Looking …"));
  const formula = html("div", {}, row ? typeset(row.latex, row.text) : "");
  const name = row ? `Formula ${index}${row.best ? ", the best" : ""}` : "Your formula";
  const head = html("div", { class: "candidate-head" }, back, html("h3", {}, name), html("span", {}, row ? [step(-1), step(1)] : ""));
  const element = html("section", { class: "candidate", "aria-label": name }, head, formula, row ? facts(row) : "", more);
  host.ask("candidate", row ? { index } : {}).then((found) => {
    formula.replaceChildren(typeset(found.latex, found.text), ...found.law.map((line) => html("p", { class: "law" }, line)));
    more.replaceChildren(...details(host, store, front, found));
  }, (problem) => more.replaceChildren(html("p", { class: "bad" }, problem.message)));
  return element;
}

const TITLES = {
  complexity: "Number of operations, constants and variables",
  "error / std": "Root mean square error, over the standard deviation of the target",
};

function facts(row) {
  const r2 = row.r2 === null ? "unknown" : determination(row.r2);
  const pairs = [["complexity", row.complexity], ["fitted constants", row.constants], ["error / std", figure(row.error, 2)], ["R² on rows left out", r2]];
  return html("dl", { class: "facts" }, pairs.flatMap(([name, value]) => [html("dt", { title: TITLES[name] ?? null }, name), html("dd", {}, String(value))]));
}

function details(host, store, front, found) {
  const area = html("textarea", { class: "export-text", readonly: true, hidden: true, rows: 3, "aria-label": "LaTeX" });
  const copies = async () => {
    area.hidden = false;
    area.value = found.latex;
    store.say((await copy(found.latex, area)) ? "The LaTeX is copied." : "Press Ctrl+C to copy the LaTeX.", "good");
    area.hidden = true;
  };
  const use = async () => {
    const answer = await store.change("adopt", { at: store.view.at, ...(found.said ? {} : { index: found.index }) });
    if (answer) store.say(`The formula is the network of state ${answer.at}. Undo brings the one before back.`, "good");
  };
  const take = button("Use in the session", use, { class: "primary", disabled: Boolean(found.problem), title: "Replace the network by that of this formula" });
  const network = found.network ? still(found.network, "The network of this formula") : null;
  return [
    found.said ? fitted(found) : null,
    html("div", { class: "row" }, take, button("Copy LaTeX", copies)),
    found.problem ? html("p", { class: "hint why" }, `It cannot become the network: ${found.problem}`) : null,
    html("p", { class: "hint" }, `Root mean square of the residuals: ${figure(found.rms)}, in units of ${found.target}`),
    html("div", { class: "plots" }, residuals(found), network ?? html("p", { class: "hint" }, "This formula has no network to be shown.")),
    area,
  ].filter(Boolean);
}

/** The constants of a stated formula with their errors and intervals, and what the fit says. */
function fitted({ constants, said }) {
  const cells = constants.map((one) => html("tr", {}, html("th", { scope: "row" }, one.name), html("td", {}, one.text), html("td", {}, one.low === null ? "–" : `${figure(one.low, 5)} to ${figure(one.high, 5)}`)));
  const heads = ["constant", "value ± standard error", "95 % interval"].map((head) => html("th", { scope: "col" }, head));
  return html(
    "div", { class: "fitted" },
    html("div", { class: "table-scroll" }, html("table", { class: "numbers" }, html("thead", {}, html("tr", {}, heads)), html("tbody", {}, cells))),
    html("ul", { class: "hint" }, said.map((line) => html("li", {}, line))),
  );
}

const DECADES = 1000; // over which residuals are shown relative to the values

/** Residuals against fitted values, relative ones on a logarithmic axis where the values span decades. */
function residuals({ sample, target, rms }) {
  const { fitted, observed, residual } = sample;
  const sizes = [...fitted, ...observed].filter((value) => value !== null);
  const relative = sizes.every((value) => value > 0) && Math.max(...sizes) > DECADES * Math.min(...sizes);
  return scatter({
    x: fitted, y: relative ? residual.map((value, k) => (value === null ? null : value / fitted[k])) : residual,
    xName: `${target}, by the formula`, yName: relative ? "relative residual" : "residual", logX: relative, levels: [{ at: 0 }], high: 200,
    said: `Residuals against fitted values, ${counted(sample.rows.length, "row")}, root mean square ${figure(rms)}`,
  });
}

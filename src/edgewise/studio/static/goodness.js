// How good the network is, on rows that it has not seen and on those of training, and what the last step came to.

import { html } from "./elements.js";
import { determination, figure, measureWords, percent } from "./words.js";

/** @returns {HTMLElement} a section that follows the session */
export function goodness(store) {
  const element = html("section", { class: "goodness", "aria-label": "How good the network is" });
  store.subscribe(["view"], () => {
    const { view } = store;
    if (view) element.replaceChildren(table(view), ...confusion(view), ...lastStep(view));
  });
  return element;
}

function table(view) {
  const classes = view.classes.length > 0;
  const share = ({ accuracy, r2 }) => (classes ? percent(accuracy) : determination(r2));
  const line = (words, count, error, shares) => html("tr", {}, html("th", { scope: "row" }, words),
    html("td", {}, count.toLocaleString("en")), html("td", {}, figure(error)), html("td", {}, share(shares)));
  const heads = ["", "rows", classes ? "log loss" : "error", classes ? "right" : "R²"];
  const { judged } = view;
  return html("table", { class: "judged-table" },
    html("caption", { title: measureWords(view) }, "How good it is"),
    html("thead", {}, html("tr", {}, heads.map((head) => html(head ? "th" : "td", { scope: head ? "col" : null }, head)))),
    html("tbody", {},
      judged.new && line("new rows", view.new_rows, view.held_out, judged.new),
      line("rows of training", view.rows, view.error, judged.rows)));
}

/** Rows of each class, by the class that the network takes them for. */
function confusion(view) {
  if (!view.classes.length) return [];
  const { confusion: counts } = view.judged.new ?? view.judged.rows;
  const caption = `${view.answer} on ${view.judged.new ? "new rows" : "the rows of training"}: down as it is, across as the network says`;
  return [html("table", { class: "judged-table confusion" }, html("caption", {}, caption),
    html("thead", {}, html("tr", {}, html("td", {}), view.classes.map((label) => html("th", { scope: "col" }, label)))),
    html("tbody", {}, counts.map((row, k) => html("tr", {}, html("th", { scope: "row" }, view.classes[k]),
      row.map((count, j) => html("td", { class: j === k ? "right" : count ? "wrong" : "" }, String(count)))))))];
}

/** What the last step says of itself; after a snap that left splines, the ways on. */
function lastStep(view) {
  if (!view.said.length) return [];
  const ways = view.splines && view.history.find((state) => state.id === view.at)?.action.startsWith("snap_all")
    ? [html("p", { class: "hint" }, `Ways on: allow the error to grow by a larger factor below, click an edge that is a spline to choose by hand, or let Discover search for a formula of the rows.`)]
    : [];
  const [first, ...rest] = view.said;
  return [html("p", { class: "said" }, first), rest.length ? html("ul", { class: "said" }, rest.map((line) => html("li", {}, line))) : null, ...ways].filter(Boolean);
}

// Edits by hand: a form, what they cost on the rows of the page, and a file that `model.edited` takes.

import { button, choice, field, html } from "./elements.js";
import { figure } from "./words.js";
import { download } from "./takeaway.js";
import { DAY, said } from "./axes.js";

const CHANGES = {
  number: [["rising", "rises"], ["falling", "falls"], ["flat", "is flat, at its mean"], ["fixed", "adds a given amount"], ["raised", "is raised by an amount"], ["removed", "is removed"]],
  category: [["equal", "is equal at some levels"], ["fixed", "adds a given amount"], ["raised", "is raised by an amount"], ["removed", "is removed"]],
  group: [["removed", "is removed"]],
};

/** The part of a page with the form; `state.edits` holds the edits. */
export function editingSection(state, changed) {
  const list = html("ol", { class: "edits" }), cost = html("p", { "aria-live": "polite" }), body = html("div", { class: "edit-form inner" });
  const names = state.fits[0].parts;
  const order = [...state.order, ...names.keys()].filter((k, place, all) => all.indexOf(k) === place); // columns first
  const part = choice(order.map((k) => [String(k), names[k]]), String(order[0]));
  const show = () => {
    list.replaceChildren(...state.edits.map((edit) => html("li", {}, words(state, edit))));
    cost.textContent = state.edits.length ? costWords(state.cost()) : "No edit yet.";
    undo.disabled = save.disabled = !state.edits.length;
    changed();
  };
  const add = (edit) => { state.edits = [...state.edits, edit]; show(); };
  const undo = button("Undo", () => { state.edits = state.edits.slice(0, -1); show(); });
  const save = button("Download the edits", () => download({ name: "edits.json", media: "application/json", text: JSON.stringify(plain(state), null, 2) }));
  part.addEventListener("change", () => body.replaceChildren(...form(state, Number(part.value), add)));
  body.replaceChildren(...form(state, order[0], add));
  undo.disabled = save.disabled = true;
  cost.textContent = "No edit yet.";
  const hint = html("p", { class: "hint" }, "A preview: Python applies the file with model.edited(\"edits.json\"), where curves stay smooth and costs are measured on all rows of the fit.");
  return html("section", { id: "edits" }, html("h2", {}, "Edit by hand"), hint, html("div", { class: "edit-form" }, field("Part", part), body), list, cost, html("div", { class: "buttons" }, undo, save));
}

function form(state, part, add) {
  const column = state.columns[part];
  const kind = column ? (column.kind === "category" ? "category" : "number") : "group";
  const change = choice(CHANGES[kind], CHANGES[kind][0][0]);
  const type = column?.kind === "date" ? "date" : "number";
  const low = html("input", { type, step: "any", placeholder: "all" }), high = html("input", { type, step: "any", placeholder: "all" });
  const levels = column?.labels ? html("select", { multiple: true, size: Math.min(6, column.labels.length) }, column.labels.map((label, code) => html("option", { value: code }, label))) : null;
  const amount = html("input", { type: "number", step: "any", value: 0 }), reason = html("input", { type: "text" });
  const sum = choice([["", "all"], ...state.sums.map((each, k) => [String(k), each.label])], "");
  const fields = { low: field("from", low), high: field("to", high), levels: levels && field("levels", levels), amount: field("amount", amount) };
  const show = () => {
    fields.low.hidden = fields.high.hidden = kind !== "number" || change.value === "removed";
    if (fields.levels) fields.levels.hidden = change.value === "removed";
    fields.amount.hidden = !["fixed", "raised"].includes(change.value);
  };
  change.addEventListener("change", show);
  show();
  const end = (input, hidden) => (hidden || input.value === "" ? null : type === "date" ? Date.parse(input.value) / DAY : Number(input.value));
  const apply = button("Apply", () => {
    const chosen = levels && !fields.levels.hidden ? [...levels.selectedOptions].map((option) => Number(option.value)) : [];
    if (levels && change.value !== "removed" && chosen.length < (change.value === "equal" ? 2 : 1)) {
      fields.levels.problem(change.value === "equal" ? "choose two levels or more" : "choose a level or more");
      return;
    }
    if (!fields.amount.hidden && amount.value === "") { fields.amount.problem("a number is needed"); return; }
    add({
      part, change: change.value, low: end(low, fields.low.hidden), high: end(high, fields.high.hidden), levels: chosen,
      amount: fields.amount.hidden ? null : Number(amount.value), target: sum.value === "" ? null : Number(sum.value), reason: reason.value,
    });
  }, { class: "main" });
  const which = state.sums.length > 1 ? field("of", sum) : "";
  return [field("Change", change), fields.low, fields.high, fields.levels ?? "", fields.amount, which, field("Reason", reason), apply];
}

function words(state, edit) {
  const column = state.columns[edit.part];
  const at = (value) => said(column, value);
  let where = "";
  if (edit.levels.length) where = ` at ${edit.levels.map(at).join(", ")}`;
  else if (edit.low !== null || edit.high !== null) where = ` from ${edit.low === null ? "the lowest" : at(edit.low)} to ${edit.high === null ? "the highest" : at(edit.high)}`;
  const amount = edit.amount === null ? "" : ` ${edit.change === "fixed" ? "to" : "by"} ${figure(edit.amount)}`;
  return `${state.fits[0].parts[edit.part]}: ${edit.change}${amount}${where}${edit.reason ? ` (${edit.reason})` : ""}`;
}

function costWords(cost) {
  if (!cost) return "The page has no rows with targets: what the edits cost is measured in Python.";
  const { before, after, error, count, heldOut, said: name } = cost;
  const change = after - before, sign = change > 0 ? "rises" : "falls";
  const rows = `on ${count} rows of this page${heldOut ? ", out of fold" : ""}`;
  if (change === 0) return `The mean ${name} stays ${figure(before, 4)} ${rows}.`;
  return `The mean ${name} ${sign} from ${figure(before, 4)} to ${figure(after, 4)} (by ${figure(Math.abs(change))} ± ${figure(error, 2)}) ${rows}.`;
}

/** The edits as `model.edited` takes them. */
function plain(state) {
  const edits = state.edits.map((edit) => {
    const column = state.columns[edit.part];
    const end = (value) => (value !== null && column?.kind === "date" ? said(column, value) : value);
    const levels = edit.levels.map((code) => column.keys[code]);
    return { ...edit, part: state.fits[0].parts[edit.part], low: end(edit.low), high: end(edit.high), levels };
  });
  return { edits };
}

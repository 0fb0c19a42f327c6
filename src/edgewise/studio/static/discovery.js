// Discovery: a search for formulas from here, its front as it grows, its formulas, and one of them looked at.

import { panel as candidate } from "./discovery_candidate.js";
import { frontPlot } from "./discovery_front.js";
import { button, choice, field, html } from "./elements.js";
import { typeset } from "./typeset.js";
import { figure } from "./words.js";

const EFFORTS = [["quick", "quick"], ["normal", "normal"], ["thorough", "thorough"]];

export function panel(host, store) {
  const now = { front: null, job: null, index: null };
  const plot = html("div", { class: "front-plot" });
  const place = html("div", { class: "front-side" });
  const form = asking(store, now);
  const element = html("div", { class: "discovery" }, html("div", {}, form, plot), place);

  /** Ask for the front, and show it. */
  async function refresh() {
    now.front = await host.ask("front").catch((problem) => store.say(problem.message, "bad")) ?? now.front;
    if (now.index !== null && !now.front?.candidates[now.index]) now.index = null;
    draw();
  }

  function select(index) {
    now.index = index;
    draw();
    element.querySelector(index === null ? "table button" : ".candidate button")?.focus();
  }

  function draw() {
    const { front, job } = now;
    form.show(front);
    if (job) {
      plot.hidden = !job.points?.length;
      plot.replaceChildren(frontPlot({ candidates: job.points ?? [] }, null, null));
      place.replaceChildren(growing(job));
      return;
    }
    const any = front?.candidates.length;
    plot.replaceChildren(any ? frontPlot(front, now.index, select) : "");
    plot.hidden = !any;
    if (!any) place.replaceChildren(html("p", { class: "hint" }, "Discover searches for formulas of the target, from the rows alone: the network does not enter. Each formula of the front can become the session's network."));
    else if (now.index === null) place.replaceChildren(best(front, select), table(front, select));
    else place.replaceChildren(candidate(host, store, front, now.index, select));
  }

  store.subscribe(["job"], () => {
    const running = store.job?.name === "discover" ? store.job : null;
    const ended = now.job && !running;
    now.job = running;
    if (running) now.index = null;
    if (ended) refresh();
    else if (running) draw();
  });
  let known = null;
  store.subscribe(["view"], () => {
    if (!store.view || known === store.view.names.join()) return;
    known = store.view.names.join(); // another column: formulas of the front may not fit
    refresh();
  });
  return element;
}

/** What to search for, how long, and how it goes. */
function asking(store, now) {
  const effort = choice(EFFORTS, "normal");
  const limit = html("input", { type: "number", min: 1, max: 86400, step: 1, value: 60 });
  const target = choice([], null);
  const targetField = field("Target", target);
  const limitField = field("Seconds", limit);
  const begin = () => {
    const body = { effort: effort.value, time_limit: Number(limit.value) };
    limitField.problem("");
    const refused = (text) => (text.startsWith("'time_limit'") ? limitField.problem(text) : store.say(text, "bad"));
    return store.change("discover", target.value ? { ...body, target: target.value } : body, refused);
  };
  const start = button("Discover", begin, { class: "primary", name: "Discover formulas" });
  const stop = button("Stop", () => store.change("stop", { how: "interrupt" }), { class: "stop", hidden: true, name: "Stop, and keep the front so far" });
  const bar = html("progress", { max: 1, value: 0, hidden: true, "aria-label": "Progress of the search" });
  const said = html("p", { class: "hint", role: "status" });
  const element = html("div", { class: "front-ask" }, html("div", { class: "with-button" }, targetField, field("Effort", effort), limitField, start, stop), bar, said);

  element.show = (front) => {
    const { job } = now;
    start.hidden = Boolean(job);
    stop.hidden = bar.hidden = !job;
    start.disabled = Boolean(store.job) && !job;
    bar.value = job?.fraction ?? 0;
    targetField.hidden = (front?.targets.length ?? 0) < 2;
    if (front && [...target.options].map((one) => one.value).join("\n") !== front.targets.join("\n")) {
      target.replaceChildren(...front.targets.map((name) => html("option", { value: name }, name)));
    }
    if (job) said.textContent = job.stage ? `${job.stage}, ${figure(job.seconds, 2)} s` : "beginning …";
    else said.textContent = front?.message ? `${front.message} (${figure(front.seconds, 2)} s)` : "";
  };
  store.subscribe(["job"], () => element.show(now.front));
  return element;
}

function growing(job) {
  if (!job.best) return html("p", { class: "hint" }, "The front grows here.");
  return html("div", {}, html("h3", {}, "The best formula so far"), html("p", { class: "formula-text" }, job.best));
}

/** The best formula, typeset. */
function best(front, select) {
  const one = front.candidates.find((row) => row.best);
  if (!one) return "";
  const look = button("Look at it", () => select(one.index), { name: "Look at the best formula: residuals, network, use in the session" });
  return html("section", { class: "front-best", "aria-label": "The best formula" }, html("div", { class: "row" }, html("h3", {}, `The best formula for ${front.target}`), look), typeset(one.latex, one.text));
}

function table(front, select) {
  const rows = front.candidates.map((one) => html(
    "tr", { class: one.best ? "best" : "", on: { click: () => select(one.index) } },
    html("td", {}, one.best ? html("span", { title: "the best" }, "★") : ""),
    html("td", {}, String(one.complexity)), html("td", {}, String(one.constants)),
    html("td", {}, figure(one.held_out ?? one.error, 2)), html("td", {}, one.weight < 0.005 ? "< 0.01" : figure(one.weight, 2)),
    html("td", { class: "text" }, html("button", { type: "button", class: "quiet", title: one.text }, one.text)),
  ));
  const heads = [[html("span", { class: "unseen" }, "best"), "best"], ["complexity", "number of operations, constants and variables"], ["constants", "how many numbers were fitted"], ["error / std", "root mean square error on rows left out, over the standard deviation of the target: 1 is as bad as the mean"], ["weight", "of the evidence for this formula, from 0 to 1; what all lack to 1 is for formulas that are not in the list"], ["formula", ""]];
  return html(
    "div", { class: "table-scroll" },
    html("table", { class: "numbers candidates" }, html("thead", {}, html("tr", {}, heads.map(([head, title]) => html("th", { scope: "col", title }, head)))), html("tbody", {}, rows)),
  );
}

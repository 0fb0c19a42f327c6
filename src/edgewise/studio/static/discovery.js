// Discovery: a search for formulas from here, its front as it grows, its formulas, and one of them looked at.

import { panel as candidate } from "./discovery_candidate.js";
import { frontPlot } from "./discovery_front.js";
import { known } from "./discovery_known.js";
import { best, list } from "./discovery_list.js";
import { button, choice, field, html } from "./elements.js";
import { figure } from "./words.js";

const EFFORTS = [["quick", "quick"], ["normal", "normal"], ["thorough", "thorough"]];
const OWN = "own"; // in place of an index: the formula that was fitted

export function panel(host, store) {
  const now = { front: null, job: null, index: null };
  const plot = html("div", { class: "front-plot" });
  const place = html("div", { class: "front-side" });
  const form = asking(host, store, now);
  const element = html("div", { class: "discovery" }, form, place, plot);

  /** Ask for the front, and show it. */
  async function refresh() {
    now.front = await host.ask("front").catch((problem) => store.say(problem.message, "bad")) ?? now.front;
    if (typeof now.index === "number" && !now.front?.candidates[now.index]) now.index = null;
    draw();
  }

  function select(index) {
    now.index = index;
    draw();
    element.querySelector(index === null ? ".candidates button" : ".candidate button")?.focus();
  }

  function draw() {
    const { front, job } = now;
    form.show(front);
    if (job?.name === "discover") {
      plot.hidden = !job.points?.length;
      plot.replaceChildren(frontPlot({ candidates: job.points ?? [] }, null, null));
      place.replaceChildren(growing(job));
      return;
    }
    const any = front?.candidates.length;
    plot.replaceChildren(any ? frontPlot(front, now.index, select) : "");
    plot.hidden = !any;
    const own = front?.own && now.index === null ? button("Your formula", () => select(OWN), { title: front.own }) : "";
    if (now.index !== null) place.replaceChildren(candidate(host, store, front, now.index === OWN ? null : now.index, select));
    else if (any) place.replaceChildren(own, best(front, select), list(front, select));
    else place.replaceChildren(own, html("p", { class: "hint" }, "Discover searches for formulas of the target, from the rows alone: the network does not enter. Each formula of the front can become the session's network."));
  }

  store.subscribe(["job"], () => {
    const running = ["discover", "fit_formula"].includes(store.job?.name) ? store.job : null;
    const was = now.job;
    now.job = running;
    if (running?.name === "discover") now.index = null;
    if (was && !running) {
      // what went wrong is said next: a formula that could not be fitted is not shown
      queueMicrotask(() => {
        if (was.name === "fit_formula" && !now.failed) now.index = OWN;
        now.asked = false;
        refresh();
      });
    } else if (running) draw();
  });
  let columns = null;
  store.subscribe(["view"], () => {
    if (!store.view || columns === store.view.names.join()) return;
    columns = store.view.names.join(); // another column: formulas of the front may not fit
    form.columns(store.view.names);
    refresh();
  });
  return element;
}

/** What to search for, how long, and how it goes. */
function asking(host, store, now) {
  const effort = choice(EFFORTS, "normal");
  const limit = html("input", { type: "number", min: 1, max: 86400, step: 1, value: 60 });
  const target = choice([], null);
  const targetField = field("Target", target);
  const limitField = field("Seconds", limit);
  const refused = (text) => {
    now.asked = false;
    if (text.startsWith("'time_limit'")) limitField.problem(text);
    else if (!more.problem(text)) store.say(text, "bad");
  };
  const ask = (name, body) => {
    limitField.problem("");
    more.clear();
    Object.assign(now, { asked: true, failed: false });
    return store.change(name, target.value ? { ...body, target: target.value } : body, refused);
  };
  const more = known(host, (formula, given) => ask("fit_formula", { formula, known: given }));
  const begin = () => ask("discover", { effort: effort.value, time_limit: Number(limit.value), known: more.read(["formula", "rows"]) });
  const start = button("Discover", begin, { class: "primary", name: "Discover formulas" });
  const stop = button("Stop", () => store.change("stop", { how: "interrupt" }), { class: "stop", hidden: true, name: "Stop, and keep the front so far" });
  const bar = html("progress", { max: 1, value: 0, hidden: true, "aria-label": "Progress of the search" });
  const said = html("p", { class: "hint", role: "status" });
  const element = html("div", { class: "front-ask" }, html("div", { class: "with-button" }, targetField, field("Effort", effort), limitField, start, stop), bar, said, more);

  element.columns = more.columns;
  element.show = (front) => {
    const { job } = now;
    start.hidden = Boolean(job);
    stop.hidden = bar.hidden = !job;
    start.disabled = Boolean(store.job) && !job;
    more.busy(Boolean(store.job));
    bar.value = job?.fraction ?? 0;
    targetField.hidden = (front?.targets.length ?? 0) < 2;
    if (front && [...target.options].map((one) => one.value).join("\n") !== front.targets.join("\n")) {
      target.replaceChildren(...front.targets.map((name) => html("option", { value: name }, name)));
    }
    if (job) said.textContent = job.stage ? `${job.stage}, ${figure(job.seconds, 2)} s` : "beginning …";
    else said.textContent = front?.message ? `${front.message} (${figure(front.seconds, 2)} s)` : "";
  };
  store.subscribe(["job"], () => element.show(now.front));
  store.subscribe(["status"], () => {
    const { text, kind } = store.status; // of a search that ended at once, since something was no column or no number
    if (kind !== "bad" || !now.asked) return;
    now.failed = true;
    if (more.problem(text)) store.say("");
  });
  return element;
}

function growing(job) {
  if (!job.best) return html("p", { class: "hint" }, "The front grows here.");
  return html("div", {}, html("h3", {}, "The best formula so far"), html("p", { class: "formula-text" }, job.best));
}

// The bar of training: begin, watch the error fall, stop with what is reached.

import { button, html, svg } from "./elements.js";
import { polyline } from "./shapes.js";
import { d3 } from "./vendor.js";
import { figure, percent } from "./words.js";

const WIDE = 132,
  HIGH = 32,
  PAD = 3;
const PATIENT = 4000; // ms after which work that was asked to stop can be ended

export function panel(host, store) {
  const train = button("Train", () => store.act("fit", { grids: "auto" }), { class: "primary", name: "Train the network (t)" });
  const stop = button("Stop", () => end(), {
    class: "stop",
    hidden: true,
    name: "Stop and keep what is reached (Escape)",
  });
  const plot = svg("svg", {
    class: "spark",
    viewBox: `0 0 ${WIDE} ${HIGH}`,
    role: "img",
    "aria-label": "Best error so far against time",
  });
  const said = html("span", { class: "work-said" });
  const element = html("div", { class: "training", role: "group", "aria-label": "Training" }, train, stop, plot, said);
  const now = { number: 0, points: [], asked: 0 };

  /** Ask the work to end; a second time, or when it cannot keep anything, end it. */
  function end() {
    const { job } = store;
    if (!job) return;
    const how = job.name !== "fit" ? "interrupt" : now.asked && Date.now() - now.asked > PATIENT ? "interrupt" : "stop";
    now.asked ||= Date.now();
    said.textContent = "stopping …";
    host.ask("stop", { how }).catch((problem) => store.say(problem.message, "bad"));
  }

  function follow() {
    const { job, view } = store;
    train.hidden = Boolean(job);
    train.disabled = !view;
    stop.hidden = !job;
    if (!job) {
      now.number = 0;
      said.textContent = "";
      plot.classList.toggle("done", true);
      return;
    }
    if (job.number !== now.number) {
      Object.assign(now, { number: job.number, points: [], asked: 0 });
      plot.replaceChildren();
    }
    plot.classList.toggle("done", false);
    if (job.error && job.seconds !== undefined && job.seconds !== now.points.at(-1)?.seconds) {
      now.points.push({ seconds: job.seconds, error: job.error });
      draw(plot, now.points);
    }
    if (!now.asked) said.textContent = said.title = wordsOf(job);
  }

  store.subscribe(["job", "view"], follow);
  element.train = () => !store.job && store.view && store.act("fit", { grids: "auto" });
  element.stop = end;
  return element;
}

const DOING = { fit: "Training", refit: "Refitting", snap_all: "Finding functions", snap_edge: "Finding a function", prune: "Pruning" };

function wordsOf(job) {
  const parts = [DOING[job.call.split("(")[0]] ?? "Working"];
  if (job.stage) parts.push(job.stage);
  if (job.share) parts.push(`${percent(Math.min(job.share, 1))} of the work at most`);
  if (job.seconds !== undefined) parts.push(`${figure(job.seconds, 2)} s`);
  if (job.share > 0.05 && job.seconds > 1) parts.push(`at most about ${figure(job.seconds * (1 / Math.min(job.share, 1) - 1), 1)} s left`);
  return parts.join(" · ");
}

function draw(plot, points) {
  const toX = d3.scaleLinear([0, Math.max(points.at(-1).seconds, 0.5)], [PAD, WIDE - PAD]);
  const [low, high] = d3.extent(points, (point) => point.error);
  const toY = d3.scaleLog([low * 0.9, high * 1.1], [HIGH - PAD, PAD]);
  const path = polyline(
    points.map((p) => p.seconds),
    points.map((p) => p.error),
    toX,
    toY,
  );
  const last = points.at(-1);
  plot.replaceChildren(svg("path", { d: path }), svg("circle", { cx: toX(last.seconds), cy: toY(last.error), r: 2 }));
  plot.setAttribute(
    "aria-label",
    `Best error so far against time: ${figure(high)} to ${figure(last.error)} in ${figure(last.seconds, 2)} s`,
  );
}

// Making the network smaller by a slider: what would go is drawn before it goes.

import { button, folded, html } from "./elements.js";
import { latest } from "./latest.js";
import { counted, figure } from "./words.js";

const LEAST = -4; // log10 of the smallest score that the slider reaches
const STEPS = 200;

/** Ways to say how much goes: each turns the slider's place, 0 to 1, into arguments of `prune`. */
const WAYS = {
  score: {
    title: "by score",
    said: (share, view) => `edges that score below ${figure(threshold(share, view), 2)}`,
    values: (share, view) => ({ threshold: share === 0 ? 0 : threshold(share, view) }),
  },
  count: {
    title: "by count",
    said: (share, view) => `keep ${counted(kept(share, view), "edge")}`,
    values: (share, view) => ({ cuts: [{ what: "edges", keep: kept(share, view) }] }),
  },
  error: {
    title: "by error",
    said: (share) => `the error may grow to ${figure(budget(share), 3)} times`,
    values: (share) => ({ cuts: [{ what: "edges", budget: budget(share) }] }),
  },
};

function threshold(share, view) {
  const most = Math.max(...view.diagram.edges.map((edge) => edge.score ?? 0), 1e-3);
  return Math.min(0.999, Number((10 ** (LEAST + share * (Math.log10(most) - LEAST))).toPrecision(2)));
}

const kept = (share, view) => Math.max(1, Math.round((1 - share) * view.edges));
const budget = (share) => Number((1 + 2 * share ** 2).toFixed(3));

export function panel(host, store) {
  let way = "score";
  const slider = html("input", {
    type: "range",
    min: 0,
    max: STEPS,
    step: 1,
    value: 0,
    "aria-label": "How much is removed",
  });
  const output = html("output", { class: "slider-says" });
  const said = html("p", { class: "hint", "aria-live": "polite" });
  const merge = html("input", { type: "checkbox", checked: true });
  let before = null; // the view in which pruning was asked for
  const go = button("Prune", () => {
    before = store.view;
    store.act("prune", values());
  }, { class: "primary" });
  const choices = Object.entries(WAYS).map(([name, row]) => {
    const radio = html("input", {
      type: "radio",
      name: "prune-way",
      value: name,
      checked: name === way,
      on: { change: () => ((way = name), move()) },
    });
    return html("label", {}, radio, html("span", {}, row.title));
  });
  const element = folded(
    "Make it smaller",
    { open: true, class: "prune" },
    html("fieldset", { class: "segments" }, html("legend", { class: "unseen" }, "How edges are chosen"), choices),
    html("div", { class: "slider-row" }, slider),
    output,
    said,
    html("label", { class: "check" }, merge, "Join hidden nodes that compute the same"),
    html(
      "div",
      { class: "row" },
      go,
      button("Merge nodes", () => store.act("merge"), {
        title: "Join hidden nodes that compute the same, and remove nothing else",
      }),
      button("Compact", () => store.act("compact"), {
        title: "Drop hidden nodes that are constant or unused, and renumber the others: no value changes",
      }),
    ),
  );

  const share = () => Number(slider.value) / STEPS;
  const values = () => ({ ...WAYS[way].values(share(), store.view), merge: merge.checked });

  const ask = latest(
    80,
    (given) => host.ask("cutting", { at: store.view.at, arguments: given }),
    (answer) => {
      const gone = answer.edges.length;
      const text = gone
        ? `${counted(gone, "edge")} would go, ${answer.left} stay: error ${figure(answer.before)} → ${figure(answer.after)}`
        : "Nothing would go.";
      said.textContent = text;
      store.set({ preview: gone ? { going: answer.edges, title: text } : null });
    },
    (problem) => {
      said.textContent = problem.message;
      store.set({ preview: null });
    },
  );

  function move() {
    if (!store.view) return;
    output.textContent = WAYS[way].said(share(), store.view);
    slider.setAttribute("aria-valuetext", output.textContent);
    ask(values());
  }

  function rest() {
    ask.cancel();
    said.textContent = "";
    if (store.preview?.going) store.set({ preview: null });
  }

  /** Say it where pruning removed nothing. */
  function tell() {
    const { view, job } = store;
    if (!before || !view || job || (view.session === before.session && view.at === before.at)) return;
    const last = view.history.find((state) => state.id === view.at);
    const same = view.session === before.session && last.action.startsWith("prune(") && view.edges === before.edges && view.parameters === before.parameters;
    before = null;
    if (same) said.textContent = "Nothing was removed: move the slider to remove more.";
  }

  slider.addEventListener("input", move);
  merge.addEventListener("change", move);
  element.addEventListener("toggle", () => element.open || rest());
  store.subscribe(["view", "job"], () => {
    rest();
    go.disabled = Boolean(store.job);
    tell();
    if (store.view) output.textContent = WAYS[way].said(share(), store.view);
  });
  return element;
}

// The rules of an edge, which training keeps: rising or falling, smooth, and the functions that it may become.

import { button, choice, field, folded, html } from "./elements.js";

const WAYS = [
  ["any", "any shape"],
  ["up", "rising"],
  ["down", "falling"],
];

export function panel(host, store) {
  const shape = choice(WAYS, "any");
  const weight = html("input", { type: "number", min: 0, step: "any", placeholder: "0" });
  const functions = html("input", {
    type: "text",
    placeholder: "any, or: sin, cos",
    spellcheck: "false",
    autocomplete: "off",
  });
  const rows = [
    [field("Shape of the spline", shape), () => ["monotone", { direction: shape.value }]],
    [field("Weight on roughness", weight), () => ["smooth", { weight: Number(weight.value) }]],
    [
      field("May become only", functions, "names of functions, or nothing for any"),
      () => ["require", { functions: listed(functions.value) }],
    ],
  ];
  const lines = rows.map(([control, said]) => {
    const apply = async () => {
      const [name, values] = said();
      control.problem("");
      await store.act(name, { edge: store.edge, ...values }, control.problem);
    };
    control.querySelector("input, select").addEventListener("keydown", (event) => event.key === "Enter" && apply());
    return html(
      "div",
      { class: "with-button" },
      control,
      button("Apply", apply, { name: `Apply: ${control.querySelector("label").textContent}` }),
    );
  });
  const element = folded("Rules for training", { class: "rules", level: "h3" }, lines);

  async function load() {
    if (!element.open || !store.edge) return;
    const answer = await host.ask("edge", { edge: store.edge }).catch(() => null);
    if (!answer || answer.edge.join() !== store.edge?.join()) return;
    shape.value = { 1: "up", [-1]: "down" }[answer.rule.monotone] ?? "any";
    weight.value = answer.rule.smooth ?? "";
    functions.value = (answer.rule.functions ?? []).join(", ");
  }
  element.addEventListener("toggle", load);
  store.subscribe(["view", "edge"], load);
  return element;
}

/** "sin, cos" as a list. */
export function listed(text) {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
}

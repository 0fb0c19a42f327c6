// The keys of the page, and the window that lists them.

import { button, html } from "./elements.js";

const ZOOM = { "+": "Zoom in", "=": "Zoom in", "-": "Zoom out" };
const LIST = [
  [
    "Everywhere",
    [
      ["t", "train"],
      ["Escape", "stop the work; close what is selected"],
      ["Ctrl+Z", "undo"],
      ["Ctrl+Shift+Z", "redo"],
      ["d", "go to the diagram"],
      ["f", "fit the diagram to the window"],
      ["+ −", "zoom"],
      ["h", "show the history"],
      ["n", "show what can be done to the network"],
      ["?", "show these keys"],
    ],
  ],
  [
    "In the diagram",
    [
      ["arrow keys", "move between edges and nodes"],
      ["Enter", "select"],
    ],
  ],
  [
    "With an edge selected",
    [
      ["p", "prune it"],
      ["r", "restore it"],
      ["l", "lock or unlock it"],
      ["s", "make it a spline again"],
      ["1 … 9", "take that suggestion"],
      ["e", "go to its suggestions"],
    ],
  ],
];

/** Listen to keys; `page` names the parts that they reach. */
export function keyboard(host, store, page) {
  const help = helpWindow();
  const edge = () => store.edge && store.view?.diagram.edges.find((one) => one.key.join() === store.edge.join());
  const first = (selector) => document.querySelector(selector);
  const whole = {
    "?": () => help.showModal(),
    t: () => page.training.train(),
    d: () => page.diagram.enter(),
    f: () => page.diagram.fit(),
    h: () => page.show("history"),
    n: () => page.show("network"),
    Escape: () => (store.job ? page.training.stop() : leave(store, page)),
  };
  const ofEdge = {
    p: () => edge() && store.act("prune_edge", { edge: store.edge }),
    r: () => !edge() && store.act("restore_edge", { edge: store.edge }),
    l: () => edge() && store.act(edge().locked ? "unlock" : "lock", { edges: [store.edge] }),
    s: () => edge()?.function && store.act("to_spline", { edge: store.edge }),
    e: () => first(".suggestions button")?.focus(),
  };

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z" && !typing(event.target)) {
      event.preventDefault();
      page.move(event.shiftKey ? "redo" : "undo");
      return;
    }
    if (command || event.altKey || (typing(event.target) && event.key !== "Escape")) return;
    const act =
      whole[event.key] ??
      (store.edge && ofEdge[event.key]) ??
      (ZOOM[event.key] && (() => first(`[aria-label="${ZOOM[event.key]}"]`).click()));
    if (act) {
      event.preventDefault();
      act();
    } else if (store.edge && /^[1-9]$/.test(event.key))
      first(`.suggestions li:nth-child(${event.key}) button`)?.click();
  });
  return { help: () => help.showModal() };
}

const typing = (element) =>
  element.matches?.(
    "input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]",
  );

function leave(store, page) {
  const inside = document.activeElement?.closest(".side");
  store.set({ edge: null, node: null, curve: null, preview: null });
  if (inside) page.diagram.enter();
}

function helpWindow() {
  const dialog = html("dialog", { class: "keys", "aria-labelledby": "keys-title" });
  const groups = LIST.map(([title, rows]) =>
    html(
      "section",
      {},
      html("h3", {}, title),
      html(
        "dl",
        {},
        rows.flatMap(([key, said]) => [html("dt", {}, html("kbd", {}, key)), html("dd", {}, said)]),
      ),
    ),
  );
  dialog.append(
    html(
      "div",
      { class: "head" },
      html("h2", { id: "keys-title" }, "Keys"),
      button("×", () => dialog.close(), { name: "Close", class: "quiet close" }),
    ),
    html("div", { class: "key-groups" }, groups),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  return dialog;
}

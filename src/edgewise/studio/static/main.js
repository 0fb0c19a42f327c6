// The page: the diagram, its panels in tabs, and what keys and events do to them.

import { panel as diagramPanel } from "./diagram.js";
import { button, html } from "./elements.js";
import { panel as formulaPanel } from "./formula.js";
import { header } from "./header.js";
import { serverHost, SILENT } from "./host.js";
import { keyboard } from "./keyboard.js";
import { PANELS } from "./panels.js";
import { filler } from "./scope.js";
import { splitter } from "./splitter.js";
import { createStore } from "./store.js";
import { tabs } from "./tabs.js";
import { panel as trainingPanel } from "./training.js";
import { counted, figure, errorWords } from "./words.js";

/**
 * Build the page into an element.
 * @param {import("./host.js").Host} host
 * @param {HTMLElement} root
 */
export function page(host, root) {
  const store = createStore(host);
  const filled = ({ name, title, load }) => ({ name, title, fill: filler(host, store, load) });
  const placed = (place) => PANELS.filter((row) => row.place === place);
  const side = tabs("Selection and network", placed("side").map(filled));
  const below = tabs("History and data", placed("below").map(filled), (name) =>
    bar?.standard(PANELS.find((row) => row.name === name).tall === true),
  );
  const lower = html("section", { class: "below", "aria-label": "History and data" });
  const bar = splitter(lower);
  lower.append(bar, below);
  const parts = {
    diagram: diagramPanel(host, store),
    training: trainingPanel(host, store),
    windows: placed("dialog").map((row) => opener(host, store, row)),
  };
  parts.move = (to) => !store.job && store.change("move", { to });
  parts.show = (name) => {
    const place = [side, below].find((one) => one.has(name));
    place?.show(name);
    place?.querySelector(`#tab-${name}`).focus();
  };
  const keys = keyboard(host, store, parts);
  parts.help = keys.help;
  const start = placed("start")[0];
  if (start) parts.windows.unshift(opener(host, store, start));
  const status = html("div", { class: "status", role: "status", "aria-live": "polite" });
  const main = html(
    "main",
    { class: "desk" },
    html("div", { class: "center" }, parts.diagram, formulaPanel(host, store)),
    html("aside", { class: "side", "aria-label": "Selection and network" }, side),
    lower,
  );
  const welcome = html("main", { class: "welcome", hidden: true });
  root.append(header(host, store, parts), main, welcome, status, outcome(store));

  follow(store, { main, welcome, status, side, below, lower });
  host.listen(store.hear);
  begin(host, store, { main, welcome, start });
  return store;
}

/** Show the session, or where there is none yet the panel that opens one. */
async function begin(host, store, { main, welcome, start }) {
  let said = "There is no session yet.";
  try {
    if (await store.open()) {
      const { history, left_out } = store.view;
      if (history.length === 1 && left_out.length) store.say(left_out.join(" "), "good");
      return;
    }
  } catch (problem) {
    said = problem.message;
  }
  main.hidden = true;
  welcome.hidden = false;
  document.body.classList.add("empty");
  if (start) filler(host, store, start.load)(welcome);
  else welcome.append(html("p", {}, said));
}

function follow(store, { main, welcome, status, side, below, lower }) {
  let before = null;
  store.subscribe(["session"], () => {
    if (before !== null) [side, below].forEach((one) => one.renew());
    before = store.session;
  });
  store.subscribe(["view"], () => {
    if (!store.view) return;
    main.hidden = false;
    welcome.hidden = true;
    document.body.classList.remove("empty");
    document.body.classList.toggle("read-only", Boolean(store.view.read_only));
  });
  store.subscribe(["status", "lost"], () => {
    status.className = `status ${store.lost ? "bad" : store.status.kind}`;
    // What lies outside an open window cannot be reached.
    (document.querySelector("dialog[open]") ?? (main.hidden ? document.body : lower)).append(status);
    const text = store.lost ? SILENT : store.status.text;
    status.replaceChildren(
      text,
      text && !store.lost ? button("×", () => store.say(""), { name: "Close the message", class: "quiet" }) : "",
    );
  });
  store.subscribe(["edge", "node"], () => (store.edge || store.node) && side.show("selected"));
}

/** What a step came to, for screen readers. */
function outcome(store) {
  const said = html("div", { class: "unseen", role: "status", "aria-live": "polite" });
  let at = null;
  store.subscribe(["view"], () => {
    const { view } = store;
    if (!view || view.at === at) return;
    const state = view.history.find((row) => row.id === view.at);
    if (at !== null)
      said.textContent =
        `State ${view.at}, ${state.words}: ` +
        `${errorWords(view)}, ${counted(view.edges, "edge")}`;
    at = view.at;
  });
  return said;
}

/** A button in the header, and the window that it opens. */
function opener(host, store, { name, title, load }) {
  const place = html("div", {});
  const fill = filler(host, store, load);
  const dialog = html(
    "dialog",
    { class: "window", "aria-labelledby": `window-${name}` },
    html(
      "div",
      { class: "head" },
      html("h2", { id: `window-${name}` }, title),
      button("×", () => dialog.close(), { name: "Close", class: "quiet close" }),
    ),
    place,
  );
  document.body.append(dialog);
  place.addEventListener("begun", () => dialog.close());
  dialog.addEventListener("close", () => store.say(store.status.text, store.status.kind));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  store.subscribe(["session"], () => name !== "start" && place.firstChild && fill(place));
  return button(
    title,
    () => {
      if (name === "start" || !place.firstChild) fill(place);
      dialog.showModal();
    },
    { "aria-haspopup": "dialog" },
  );
}

if (document.documentElement.dataset.host === "server") page(serverHost(), document.body);

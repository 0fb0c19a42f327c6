// The panels of the page, in the order of their tabs. A panel's module exports `panel(host, store) -> HTMLElement`.

/**
 * @typedef {object} PanelRow
 * @property {string} name - also the id of its tab, `tab-NAME`, and of its panel, `panel-NAME`
 * @property {string} title - on the tab
 * @property {"start"|"side"|"below"|"dialog"} place - "start" is shown while there is no session and behind "Open";
 *   "side" is a tab right of the diagram, "below" one under it; "dialog" has a button in the header
 * @property {boolean} [tall] - needs more height than a few lines
 * @property {() => Promise<{panel: (host: object, store: object) => HTMLElement}>} load
 */

/** @type {PanelRow[]} */
export const PANELS = [
  { name: "selected", title: "Selected", place: "side", load: () => import("./selected.js") },
  { name: "network", title: "Network", place: "side", load: () => import("./actions.js") },
  { name: "history", title: "History", place: "below", load: () => import("./history.js") },
  { name: "rows", title: "Rows", place: "below", tall: true, load: () => import("./rows.js") },
  { name: "start", title: "Open", place: "start", load: () => import("./start.js") },
  { name: "compare", title: "Compare", place: "below", tall: true, load: () => import("./compare.js") },
  { name: "discovery", title: "Discover", place: "below", tall: true, load: () => import("./discovery.js") },
  { name: "leave", title: "Export", place: "dialog", load: () => import("./leave.js") },
];

// What the panels share: the last view of the session, what is selected, the work that is going on.

/**
 * @typedef {object} Shared
 * @property {object|null} view - the answer to the request `view`; null before there is a session
 * @property {number[]|null} edge - the selected edge, [layer, j, i]
 * @property {number[]|null} node - the selected node, [depth, q]
 * @property {number[]|null} hovered - the edge under the pointer or in focus
 * @property {number[]|null} hoveredNode - the node under the pointer or in focus
 * @property {object[]|null} rows - ranges that select rows, {name, low, high}; null for all rows
 * @property {object|null} preview - what would be: {view, edges?: keys that differ, title}, drawn in place of the view
 * @property {object|null} curve - a curve to draw over the selected edge's, {x, y, title}
 * @property {object|null} job - the work that is going on, with its last event; its `picture` is drawn
 * @property {{text: string, kind: "plain"|"good"|"bad"}} status - the last message
 * @property {boolean} lost - true while the studio does not answer
 */

const PASSING = 9000; // ms that a message which is no problem stays

/**
 * The store of a page. `store.view`, `store.edge`, ... read; `store.set({edge})` writes; nothing else does.
 * @param {import("./host.js").Host} host
 */
export function createStore(host) {
  const shared = {
    view: null,
    edge: null,
    node: null,
    hovered: null,
    hoveredNode: null,
    rows: null,
    preview: null,
    curve: null,
    job: null,
    status: { text: "", kind: "plain" },
    lost: false,
  };
  const subscribers = new Set();
  const gone = new Set(); // numbers of jobs that have ended
  let asked = 0,
    changing = 0;

  /** Write some of what is shared, and tell who subscribed to it. */
  function set(changes) {
    const changed = Object.keys(changes).filter((key) => shared[key] !== changes[key]);
    if (!changed.length) return;
    Object.assign(shared, changes);
    for (const { keys, callback } of [...subscribers]) {
      if (keys.some((key) => changed.includes(key))) callback(changed);
    }
  }

  /** Call back when one of the named parts changes (and once now); returns how to end it. */
  function subscribe(keys, callback) {
    const one = { keys, callback };
    subscribers.add(one);
    callback(keys);
    return () => subscribers.delete(one);
  }

  /** Say something in the status line; what is not a problem goes by itself. */
  function say(text, kind = "plain") {
    const status = { text, kind };
    set({ status });
    if (kind !== "bad" && text) setTimeout(() => shared.status === status && say(""), PASSING);
  }

  /** Take a view as the present one; what was selected and is no longer there is selected no longer. */
  function take(view) {
    const there = new Set(view.diagram.edges.map((edge) => edge.key.join()));
    const nodes = new Set(view.diagram.nodes.map((node) => `${node.layer},${node.index}`));
    const removed = new Set(view.removed.map((key) => key.join()));
    const keeps = (key) => key && (there.has(key.join()) || removed.has(key.join()));
    set({
      view,
      preview: null,
      curve: null,
      job: view.job && !gone.has(view.job.number) ? { ...shared.job, ...view.job } : null,
      edge: keeps(shared.edge) ? shared.edge : null,
      hoveredNode: null,
      hovered: shared.hovered && there.has(shared.hovered.join()) ? shared.hovered : null,
      node: shared.node && nodes.has(shared.node.join()) ? shared.node : null,
    });
  }

  /** Ask for the view again. */
  async function refresh() {
    const number = ++asked;
    try {
      const view = await host.ask("view", shared.rows ? { rows: shared.rows } : {});
      if (number === asked) take(view);
    } catch (problem) {
      if (number !== asked) return;
      say(problem.message, "bad");
      if (!shared.rows) return;
      set({ rows: null }); // ranges of fitted values, say, in which no row lies after a fit
      await refresh();
    }
  }

  /** Ask for a change, show the outcome, and return the answer; null where it was refused, and why is said. */
  async function change(name, body, refused = (text) => say(text, "bad")) {
    changing++;
    try {
      const answer = await host.ask(name, body);
      say("");
      if (answer.diagram && !shared.rows) take(answer);
      else if (answer.diagram) await refresh();
      else if (answer.job && !gone.has(answer.job.number)) set({ job: { ...answer.job, ...shared.job } });
      return answer;
    } catch (problem) {
      refused(problem.message);
      if (problem.moved) await refresh();
      return null;
    } finally {
      changing--;
    }
  }

  const store = {
    set,
    subscribe,
    say,
    refresh,
    change,
    /** Ask for the first view; rejects where there is no session yet. */
    open: async () => take(await host.ask("view")),
    /** Do an action of the session by its name; `refused(text)` instead of the status line says why it cannot be. */
    act: (name, values = {}, refused = undefined) =>
      change("act", { at: shared.view.at, name, arguments: values }, refused),
    /** Select rows by ranges, {name, low, high}; null or [] for all. */
    select(rows) {
      set({ rows: rows?.length ? rows : null });
      return refresh();
    },
    /** What happened, as the host tells it. */
    hear(event) {
      if (event.kind === "moved" && !changing && shared.view?.at !== event.at) refresh();
      if (event.kind === "work") set({ job: { ...shared.job, ...event } });
      if (event.kind === "ended") ended(event);
      if (event.kind === "lost") set({ lost: true });
      if (event.kind === "connected") reconnected();
    },
  };
  for (const key of Object.keys(shared)) Object.defineProperty(store, key, { get: () => shared[key] });

  function ended(event) {
    gone.add(event.number);
    set({ job: null });
    if (event.problem) say(event.problem, "bad");
  }

  function reconnected() {
    if (shared.lost) refresh();
    set({ lost: false });
  }

  return store;
}

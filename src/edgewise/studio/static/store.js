// What the panels share: the last view of the session, what is selected, the work that is going on.

/**
 * @typedef {object} Shared
 * @property {object|null} view - the answer to the request `view`; null before there is a session
 * @property {number|null} session - which session that is; panels begin anew when it changes, nothing stays selected
 * @property {number[]|null} edge - the selected edge, [layer, j, i]
 * @property {number[]|null} node - the selected node, [depth, q]
 * @property {number[]|null} hovered - the edge under the pointer or in focus
 * @property {number[]|null} hoveredNode - the node under the pointer or in focus
 * @property {object[]|null} rows - ranges that select rows, {name, low, high}; null for all rows
 * @property {object|null} preview - what would be: {view, edges?: keys that differ, title}, drawn in place of the view
 * @property {object|null} curve - a curve to draw over the selected edge's, {x, y, title}
 * @property {object|null} job - the work that is going on, with its last event; its `picture` is drawn
 * @property {{text: string, kind: "plain"|"good"|"busy"|"bad"}} status - the last message
 * @property {boolean} lost - true while the studio does not answer
 */

const PASSING = 9000; // ms that a message which is no problem stays
const NOTHING = { edge: null, node: null, hovered: null, rows: null, job: null };

/**
 * The store of a page. `store.view`, `store.edge`, ... read; `store.set({edge})` writes; nothing else does.
 * @param {import("./host.js").Host} host
 */
export function createStore(host) {
  const shared = {
    view: null,
    session: null,
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
    for (const one of [...subscribers]) {
      if (subscribers.has(one) && one.keys.some((key) => changed.includes(key))) one.callback(changed);
    }
  }

  /** Call back when one of the named parts changes (and once now); returns how to end it. */
  function subscribe(keys, callback) {
    const one = { keys, callback };
    subscribers.add(one);
    callback(keys);
    return () => subscribers.delete(one);
  }

  /** Say something in the status line; what is neither a problem nor "busy", said until it is done, goes by itself. */
  function say(text, kind = "plain") {
    const status = { text, kind };
    set({ status });
    if (kind !== "bad" && kind !== "busy" && text) setTimeout(() => shared.status === status && say(""), PASSING);
  }

  /** Take a view as the present one; what was selected and is no longer there is selected no longer. */
  function take(view) {
    const same = view.session === shared.session;
    const { edge, node, hovered, rows, job } = same ? shared : NOTHING;
    if (job && !view.job && view.ended?.number === job.number) ended(view.ended); // its event may have been lost
    if (!same && shared.session !== null) say("");
    if (!same && view.kept?.length) queueMicrotask(() => store.select(view.kept)); // as it was when the studio ended
    const there = new Set(view.diagram.edges.map((edge) => edge.key.join()));
    const nodes = new Set(view.diagram.nodes.map((node) => `${node.layer},${node.index}`));
    const removed = new Set(view.removed.map((key) => key.join()));
    const keeps = (key) => key && (there.has(key.join()) || removed.has(key.join()));
    set({
      view,
      session: view.session,
      rows,
      preview: null,
      curve: null,
      job: view.job && !gone.has(view.job.number) ? { ...job, ...view.job } : null,
      edge: keeps(edge) ? edge : null,
      hoveredNode: null,
      hovered: hovered && there.has(hovered.join()) ? hovered : null,
      node: node && nodes.has(node.join()) ? node : null,
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
    const before = shared.status;
    try {
      const answer = await host.ask(name, body);
      if (shared.status === before) say(""); // else it may be the problem of work that has ended already
      if (answer.diagram && (!shared.rows || answer.session !== shared.session)) take(answer);
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
    /** Ask for the first view; false where there is no session yet. */
    async open() {
      if ((await host.ask("seated")).session === null) return false;
      take(await host.ask("view"));
      return true;
    },
    /** Do an action of the session by its name; `refused(text)` instead of the status line says why it cannot be. */
    act: (name, values = {}, refused = undefined) =>
      shared.view ? change("act", { at: shared.view.at, name, arguments: values }, refused) : say("The session is being read …"),
    /** Select rows by ranges, {name, low, high}; null or [] for all. */
    select(rows) {
      set({ rows: rows?.length ? rows : null });
      host.ask("keep_rows", { rows: shared.rows }).catch(() => {}); // a studio that only shows keeps none
      if (shared.status.kind === "bad") say(""); // what was wrong with the ranges before
      return refresh();
    },
    /** What happened, as the host tells it. */
    hear(event) {
      if (event.kind === "moved" && !changing) moved(event);
      if (event.kind === "work") set({ job: { ...shared.job, ...event } });
      if (event.kind === "ended") ended(event);
      if (event.kind === "lost") set({ lost: true });
      if (event.kind === "connected") reconnected();
    },
  };
  for (const key of Object.keys(shared)) Object.defineProperty(store, key, { get: () => shared[key] });

  /** The session is at another state, or it is another session; of one that was closed the last view stays. */
  function moved({ at, session }) {
    if (session === null || (shared.view?.at === at && shared.session === session)) return;
    if (session !== shared.session) set({ rows: null });
    refresh();
  }

  function ended(event) {
    if (gone.has(event.number)) return;
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

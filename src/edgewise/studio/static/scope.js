// A place for a panel: what the panel subscribed to ends when another one takes the place.

/**
 * @param {import("./host.js").Host} host
 * @param {object} store
 * @param {() => Promise<{panel: (host: object, store: object) => HTMLElement}>} load - a panel's module
 * @returns {(place: HTMLElement) => Promise<void>} fills a place with the panel, anew at each call
 */
export function filler(host, store, load) {
  let end = () => {};
  let asked = 0;
  return async (place) => {
    const number = ++asked;
    end();
    const { panel } = await load();
    if (number !== asked) return;
    const scope = scoped(store);
    end = scope.end;
    place.replaceChildren(panel(host, scope.store));
  };
}

/** The store, and how all that was subscribed to through it ends. */
function scoped(store) {
  const ends = [];
  const subscribe = (keys, callback) => {
    const end = store.subscribe(keys, callback);
    ends.push(end);
    return end;
  };
  const inner = Object.create(store, { subscribe: { value: subscribe } });
  return { store: inner, end: () => ends.forEach((end) => end()) };
}

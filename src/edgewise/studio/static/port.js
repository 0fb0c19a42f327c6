// The host of a page inside a notebook: its requests go through the frame's parent to the kernel.

import { Problem } from "./host.js";

/**
 * A host that speaks over the port which the parent of this frame sends.
 * @returns {import("./host.js").Host}
 */
export function portHost() {
  const waiting = new Map();
  const callbacks = new Set();
  let number = 0;
  const port = new Promise((resolve) => {
    window.addEventListener("message", (message) => message.ports.length && resolve(message.ports[0]), { once: true });
  });
  port.then((open) => {
    open.onmessage = ({ data }) => {
      if (data.event) callbacks.forEach((callback) => callback(data.event));
      else settle(waiting, data);
    };
    callbacks.forEach((callback) => callback({ kind: "connected" }));
  });
  window.parent.postMessage("edgewise studio", "*");

  return {
    async ask(name, body = {}) {
      const open = await port;
      const id = ++number;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        open.postMessage({ id, name, body });
      });
    },
    listen(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  };
}

/** Give an answer to whoever waits for it. */
function settle(waiting, { id, answer, problem, moved }) {
  const asked = waiting.get(id);
  waiting.delete(id);
  if (problem === undefined) asked?.resolve(answer);
  else asked?.reject(new Problem(problem, moved));
}

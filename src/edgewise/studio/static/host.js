// Where the page's requests go and its events come from. The server is one host, the notebook widget another.

/**
 * A host answers requests and sends events.
 * @typedef {object} Host
 * @property {(name: string, body?: object) => Promise<object>} ask - rejects with a Problem
 * @property {(callback: (event: object) => void) => () => void} listen - returns how to end it
 */

/** What a request was refused for; `moved` where the session is at another state by now, or busy. */
export class Problem extends Error {
  constructor(message, moved = false) {
    super(message);
    this.name = "Problem";
    this.moved = moved;
  }
}

/** What is said while the studio does not answer; one that was started again has another address. */
export const SILENT =
  "The studio does not answer. If it was ended, start it again and open the address that it prints; every step is on disk.";

/**
 * The server that this page came from; its addresses are relative to the page's.
 * @returns {Host}
 */
export function serverHost() {
  return { ask, listen };
}

async function ask(name, body = {}) {
  let answer;
  try {
    answer = await fetch(`ask/${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Problem(SILENT);
  }
  const said = await answer.json().catch(() => null);
  if (said === null) throw new Problem(`The studio answered with status ${answer.status}: reload the page.`);
  if (!answer.ok) throw new Problem(said.problem ?? `Status ${answer.status}`, answer.status === 409);
  return said;
}

/** Events; after the stream was interrupted the browser connects again, and "connected" says so. */
function listen(callback) {
  const stream = new EventSource("events");
  stream.onopen = () => callback({ kind: "connected" });
  stream.onerror = () => callback({ kind: "lost" });
  stream.onmessage = (message) => callback(JSON.parse(message.data));
  return () => stream.close();
}

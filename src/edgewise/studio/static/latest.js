// Requests that follow a pointer or typing: one at a time, after a pause, and only the latest answer counts.

/**
 * A function that waits `pause` ms after the last call, asks, and gives only the answer of the latest call.
 * While a request is on its way no other is sent; the last of the calls meanwhile is sent when it is back.
 * @param {number} pause - ms
 * @param {(...given: any[]) => Promise<any>} ask
 * @param {(answer: any, ...given: any[]) => void} then
 * @param {(problem: Error, ...given: any[]) => void} [fail]
 * @param {boolean} [overtakes] - whether a request is sent while another is on its way: where the studio ends that one
 */
export function latest(pause, ask, then, fail = () => {}, overtakes = false) {
  let timer = 0,
    number = 0,
    waiting = null,
    busy = false;

  async function send(given, own) {
    if (busy && !overtakes) {
      waiting = [given, own];
      return;
    }
    busy = true;
    try {
      const answer = await ask(...given);
      if (own === number) then(answer, ...given);
    } catch (problem) {
      if (own === number) fail(problem, ...given);
    } finally {
      busy = false;
      const next = waiting;
      waiting = null;
      if (next && next[1] === number) send(...next);
    }
  }

  function call(...given) {
    clearTimeout(timer);
    const own = ++number;
    timer = setTimeout(() => send(given, own), pause);
  }

  /** Forget what was asked: no answer to it counts any more. */
  call.cancel = () => {
    clearTimeout(timer);
    number++;
    waiting = null;
  };
  return call;
}

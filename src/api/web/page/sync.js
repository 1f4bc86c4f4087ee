/** Owns the loop that asks what is new: it never ends by itself, and says whether the server is there. */
import { RefusedRequest } from './client.js';

const timeoutMs = 25_000;
/** A request that hangs longer than its long poll has lost its connection. */
const abortMs = timeoutMs + 15_000;
const backoffMsMax = 10_000;
const filter = JSON.stringify({ room: { timeline: { limit: 30 }, state: { lazy_load_members: false } } });

/**
 * @param {import('./client.js').Client} client
 * @param {{ onAnswer: (answer: any) => void, onConnection: (isConnected: boolean) => void, onLoggedOut: () => void,
 *   signal: AbortSignal }} seams
 */
export async function runSync(client, { onAnswer, onConnection, onLoggedOut, signal }) {
  /** @type {string | undefined} */
  let since;
  let backoffMs = 0;
  while (!signal.aborted) {
    try {
      // The first answers after a break come at once, so that the page is current again.
      const query = { since, timeout: since === undefined || backoffMs > 0 ? 0 : timeoutMs, filter };
      const answer = await client.ask('GET', '/sync', {
        query,
        signal: AbortSignal.any([signal, AbortSignal.timeout(abortMs)]),
      });
      if (signal.aborted) return;
      since = answer.next_batch;
      backoffMs = 0;
      onConnection(true);
      onAnswer(answer);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RefusedRequest && error.status === 401) return onLoggedOut();
      onConnection(false);
      backoffMs = Math.min(backoffMsMax, Math.max(500, backoffMs * 2));
      await pause(backoffMs, signal);
    }
  }
}

/**
 * Waits; a browser that is online again need not wait longer.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

/**
 * Owns leaving servers alone that could not be reached, so that nobody waits for them: longer each time, until one is reached
 * or is heard of. It is about what users and rooms ask for; the sender has a schedule of its own, which outlives the process.
 */
import { backoffMs } from '#core/backoff.ts';
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';

export type BackOff = {
  /** How long the server is still left alone, in milliseconds; 0 when it may be asked. */
  readonly waitMs: (serverName: string) => number;
  readonly failed: (serverName: string) => void;
  /** It has answered, or has sent a request of its own. */
  readonly reached: (serverName: string) => void;
};

const SERVERS_MAX = 20_000;
const LEAST_MS = 1_000;
/** Another process may have heard of the server, which this one does not know: it tries once a minute. */
const MOST_MS = 60_000;

/** Each process has its own. It is never longer than a minute, nor than `retryMsMax`. */
export function createBackOff({ clock, retryMsMax }: { readonly clock: Clock; readonly retryMsMax: number }): BackOff {
  const bounds = { leastMs: LEAST_MS, mostMs: Math.min(MOST_MS, retryMsMax) };
  const entries = new BoundedMap<string, { readonly failures: number; readonly retryAtMs: number }>({
    sizeMax: SERVERS_MAX,
  });
  return {
    waitMs: (serverName) => Math.max(0, (entries.get(serverName)?.retryAtMs ?? -Infinity) - clock.monotonicMs()),
    failed: (serverName) => {
      const { failures, retryAtMs } = entries.get(serverName) ?? { failures: 0, retryAtMs: -Infinity };
      const nowMs = clock.monotonicMs();
      // Of several requests that fail together one counts.
      if (retryAtMs > nowMs) return;
      entries.set(serverName, { failures: failures + 1, retryAtMs: nowMs + backoffMs(failures + 1, bounds) });
    },
    reached: (serverName) => void entries.delete(serverName),
  };
}

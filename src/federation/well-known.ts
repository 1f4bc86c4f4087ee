/** Owns the file by which a host name delegates to another: asking for it, and remembering what it said. */
import type { IncomingHttpHeaders } from 'node:http';
import { BoundedMap } from '#core/bounded-map.ts';
import { backoffMs } from '#core/backoff.ts';
import type { Clock } from '#core/clock.ts';
import type { ExchangeAnswer, HttpsExchange, Place } from '#federation/https-exchange.ts';
import { readDelegation } from '#federation/place.ts';

/** Finds what a host name delegates to, `host` or `host:port`; undefined when it does not. It never throws. */
export type FindDelegated = (hostname: string) => Promise<string | undefined>;

const BYTES_MAX = 50 * 1024;
const REDIRECTS_MAX = 3;
const TIMEOUT_MS = 8_000;
const CACHED_MAX = 20_000;
const LIFETIME_MS = 24 * 3_600_000;
const LIFETIME_MS_MAX = 48 * 3_600_000;
/** A host that forbids to remember its file is not asked for it with each request all the same. */
const LIFETIME_MS_MIN = 60_000;
const failureBackoff = { leastMs: 5 * 60_000, mostMs: 3_600_000 };

/** Times are those of the monotonic clock. */
type Remembered = {
  readonly delegated: string | undefined;
  readonly saidMs: number;
  readonly untilMs: number;
  /** How often in a row the file could not be had. */
  readonly failures: number;
};

/**
 * Remembers by the headers of the answer: a day without any, two days at most, and an hour at most that there is none.
 * A delegation that cannot be renewed since the host does not answer is kept for its two days.
 * Specification: Server-Server API, "Resolving server names", step 3.
 */
export function createFindDelegated(parts: {
  readonly exchange: HttpsExchange;
  readonly clock: Clock;
  /** For each hop. */
  readonly timeoutMs?: number;
}): FindDelegated {
  const { exchange, clock, timeoutMs = TIMEOUT_MS } = parts;
  const remembered = new BoundedMap<string, Remembered>({ sizeMax: CACHED_MAX });
  const running = new Map<string, Promise<string | undefined>>();

  const ask = async (hostname: string): Promise<string | undefined> => {
    const before = remembered.get(hostname);
    const said = await askWellKnown(exchange, hostname, timeoutMs, clock.now());
    const nowMs = clock.monotonicMs();
    if (said.kind === 'delegated') {
      const { delegated, lifetimeMs } = said;
      remembered.set(hostname, { delegated, saidMs: nowMs, untilMs: nowMs + lifetimeMs, failures: 0 });
      return delegated;
    }
    const failures = (before?.failures ?? 0) + 1;
    const isStillGood = said.kind === 'silent' && before !== undefined && nowMs - before.saidMs < LIFETIME_MS_MAX;
    const kept = isStillGood ? before : { delegated: undefined, saidMs: nowMs };
    remembered.set(hostname, { ...kept, untilMs: nowMs + backoffMs(failures, failureBackoff), failures });
    return kept.delegated;
  };

  return async (hostname) => {
    const known = remembered.get(hostname);
    if (known !== undefined && clock.monotonicMs() < known.untilMs) return known.delegated;
    const asked = running.get(hostname) ?? ask(hostname).finally(() => running.delete(hostname));
    running.set(hostname, asked);
    return asked;
  };
}

type Said =
  | { readonly kind: 'delegated'; readonly delegated: string; readonly lifetimeMs: number }
  /** `none`: the host says that there is no delegation, or says nothing valid; `silent`: it could not be asked. */
  | { readonly kind: 'none' | 'silent' };

async function askWellKnown(exchange: HttpsExchange, hostname: string, timeoutMs: number, now: number): Promise<Said> {
  const first = URL.parse('/.well-known/matrix/server', `https://${hostname}`);
  // A name of digits alone is a number to URLs: an address, or none at all.
  if (first?.hostname !== hostname.toLowerCase()) return { kind: 'none' };
  let url: URL = first;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    let answer: ExchangeAnswer;
    try {
      const target = url.pathname + url.search;
      answer = await exchange(placeOfUrl(url), { method: 'GET', target, timeoutMs, bytesMax: BYTES_MAX });
    } catch {
      return { kind: 'silent' };
    }
    const { status, headers, bytes } = answer;
    if (status >= 300 && status < 400) {
      const next = headers.location === undefined ? null : URL.parse(headers.location, url.href);
      // Only https proves whose word it is.
      if (next === null || next.protocol !== 'https:' || next.username !== '' || next.password !== '') break;
      url = next;
      continue;
    }
    if (status >= 500 || status === 429) return { kind: 'silent' };
    const delegated = status === 200 ? readDelegation(bytes) : undefined;
    return delegated === undefined
      ? { kind: 'none' }
      : { kind: 'delegated', delegated, lifetimeMs: lifetimeOf(headers, now) };
  }
  return { kind: 'none' };
}

function placeOfUrl(url: URL): Place {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  return { host, port: url.port === '' ? 443 : Number(url.port), hostHeader: url.host, certificateName: host };
}

/** RFC 9111: `max-age` goes before `Expires`. */
function lifetimeOf(headers: IncomingHttpHeaders, now: number): number {
  const directives = (headers['cache-control'] ?? '').toLowerCase().split(',');
  const words = new Map(directives.map((each) => each.trim().split('=', 2)).map(([name = '', value]) => [name, value]));
  if (words.has('no-store') || words.has('no-cache')) return LIFETIME_MS_MIN;
  const maxAge = Number(words.get('max-age')?.replaceAll('"', ''));
  const expires = Date.parse(headers.expires ?? '');
  const given = Number.isFinite(maxAge) ? maxAge * 1_000 : Number.isFinite(expires) ? expires - now : LIFETIME_MS;
  return Math.min(Math.max(given, LIFETIME_MS_MIN), LIFETIME_MS_MAX);
}

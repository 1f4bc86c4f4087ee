/** Owns the places that DNS names for a host by SRV records, in the order in which they are to be tried. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Resolver, SrvTarget } from '#core/network/resolver.ts';
import { randomShare } from '#core/random.ts';
import type { Place } from '#federation/https-exchange.ts';

/** The host's places by SRV; none when it has no such records. It never throws. */
export type FindSrvPlaces = (hostname: string) => Promise<readonly Place[]>;

// The second is deprecated, and what most of those with a record have.
const services = ['_matrix-fed._tcp', '_matrix._tcp'];
const CACHED_MAX = 20_000;
const REMEMBERED_MS = 10 * 60_000;
const TARGETS_MAX = 8;

/** The certificate stays the host's own, whatever the record says: DNS alone proves nothing. */
export function createFindSrvPlaces(parts: { readonly resolver: Resolver; readonly clock: Clock }): FindSrvPlaces {
  const remembered = new BoundedMap<string, { readonly targets: readonly SrvTarget[]; readonly untilMs: number }>({
    sizeMax: CACHED_MAX,
  });
  const find = async (hostname: string): Promise<readonly SrvTarget[]> => {
    for (const service of services) {
      // A name server that fails for such names is no reason not to look for the host itself.
      const found = await parts.resolver.resolveSrv(`${service}.${hostname}`).catch(() => []);
      const usable = found.filter(({ name, port }) => name !== '' && name !== '.' && port > 0);
      if (usable.length > 0) return usable;
    }
    return [];
  };
  return async (hostname) => {
    const known = remembered.get(hostname);
    const nowMs = parts.clock.monotonicMs();
    const targets = known !== undefined && nowMs < known.untilMs ? known.targets : await find(hostname);
    if (targets !== known?.targets) remembered.set(hostname, { targets, untilMs: nowMs + REMEMBERED_MS });
    return inOrder(targets)
      .slice(0, TARGETS_MAX)
      .map(({ name, port }) => ({ host: name, port, hostHeader: hostname, certificateName: hostname }));
  };
}

/** RFC 2782: the lowest priority first, and within one by chance in proportion to the weights. */
function inOrder(targets: readonly SrvTarget[]): SrvTarget[] {
  const drawn = targets.map((target) => ({
    target,
    // The least of exponentially distributed times falls to each with the share of its weight.
    at: -Math.log(1 - randomShare()) / Math.max(target.weight, 0.01),
  }));
  return drawn
    .toSorted((one, other) => one.target.priority - other.target.priority || one.at - other.at)
    .map(({ target }) => target);
}

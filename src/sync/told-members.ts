/** Owns which member events each device was told, so that lazy loading need not tell them again. */
import { BoundedMap } from '#core/bounded-map.ts';

type Telling = { readonly deviceNid: number; readonly since: number | undefined; readonly horizon: number };

/** Member events that are remembered of all devices together, some 100 bytes each. */
const MEMBERS_MAX = 200_000;

/**
 * A client has what an answer told once it comes back with that answer's token or a later one; an answer that was lost
 * is no knowledge. Specification: Client-Server API, "Lazy-loading room members", redundant membership events.
 */
export class ToldMembers {
  /** By device and room: at which position each member event was told. */
  readonly #told = new BoundedMap<string, ReadonlyMap<number, number>>({
    sizeMax: MEMBERS_MAX,
    sizeOf: (members) => members.size + 1,
  });

  has({ deviceNid, since }: Telling, roomNid: number, eventNid: number): boolean {
    if (since === undefined) return false;
    return (this.#told.get(`${deviceNid} ${roomNid}`)?.get(eventNid) ?? Infinity) <= since;
  }

  /** `isAnew` for a room of which the client is told everything, whatever it may have had. */
  add({ deviceNid, horizon }: Telling, roomNid: number, eventNids: readonly number[], isAnew: boolean): void {
    if (eventNids.length === 0 && !isAnew) return;
    const key = `${deviceNid} ${roomNid}`;
    const told = new Map(isAnew ? undefined : this.#told.get(key));
    for (const nid of eventNids) told.set(nid, horizon);
    this.#told.set(key, told);
  }
}

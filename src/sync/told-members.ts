/** Owns which member events each device was told, so that lazy loading need not tell them again. */
import { BoundedMap } from '#core/bounded-map.ts';

type Telling = { readonly deviceNid: number; readonly since: number | undefined; readonly horizon: number };

/** Member events that are remembered of all devices together, some 100 bytes each. */
const MEMBERS_MAX = 200_000;
const DEVICES_MAX = 50_000;
/** Answers to one device that it has not come back from; of one with more all that was told is told again. */
const UNHEARD_MAX = 100;

/** What is known of a device: answers up to `forgotten`, and those ending at `unheard` positions, may never have reached it. */
type Device = { readonly forgotten: number; readonly unheard: ReadonlySet<number> };

/**
 * A client has what an answer told once it comes back with that answer's token. A later token alone says nothing: the client may
 * have lost the answer and asked once more, by when there was more to tell. Specification: Client-Server API, "Lazy-loading
 * room members", redundant membership events.
 */
export class ToldMembers {
  /** By device and room: at which position the answer ended that told each member event. */
  readonly #told = new BoundedMap<string, ReadonlyMap<number, number>>({
    sizeMax: MEMBERS_MAX,
    sizeOf: (members) => members.size + 1,
  });
  readonly #devices = new BoundedMap<number, Device>({ sizeMax: DEVICES_MAX });

  /** The device has come back from the answer that ended at `since`. */
  hear({ deviceNid, since }: Pick<Telling, 'deviceNid' | 'since'>): void {
    const device = this.#devices.get(deviceNid);
    if (since === undefined || device?.unheard.has(since) !== true) return;
    const unheard = new Set(device.unheard);
    unheard.delete(since);
    this.#devices.set(deviceNid, { ...device, unheard });
  }

  has({ deviceNid, since }: Pick<Telling, 'deviceNid' | 'since'>, roomNid: number, eventNid: number): boolean {
    const device = this.#devices.get(deviceNid);
    if (since === undefined || device === undefined) return false;
    const told = this.#told.get(`${deviceNid} ${roomNid}`)?.get(eventNid) ?? Infinity;
    return told <= since && told > device.forgotten && !device.unheard.has(told);
  }

  /** `isAnew` for a room of which the client is told everything, whatever it may have had. */
  add({ deviceNid, horizon }: Telling, roomNid: number, eventNids: readonly number[], isAnew: boolean): void {
    if (eventNids.length === 0 && !isAnew) return;
    const key = `${deviceNid} ${roomNid}`;
    const told = new Map(isAnew ? undefined : this.#told.get(key));
    for (const nid of eventNids) told.set(nid, horizon);
    this.#told.set(key, told);
    const { forgotten, unheard } = this.#devices.get(deviceNid) ?? { forgotten: horizon - 1, unheard: new Set() };
    if (unheard.has(horizon)) return;
    const isFull = unheard.size >= UNHEARD_MAX;
    this.#devices.set(deviceNid, {
      forgotten: isFull ? horizon - 1 : forgotten,
      unheard: new Set([...(isFull ? [] : unheard), horizon]),
    });
  }
}

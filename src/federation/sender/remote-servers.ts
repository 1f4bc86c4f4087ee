/** Owns which other servers are in which rooms, as the sender has read the stream so far. */
import { BoundedMap } from '#core/bounded-map.ts';
import { findServersAt, type RoomPlace, type StateParts } from '#federation/sender/servers-at.ts';
import { findServersOfRooms, type RoomServersNow } from '#storage/rooms/find-outgoing-events.ts';

/** Rooms and names together: some megabytes. */
const NAMES_MAX = 200_000;

/** `isNow`: read without regard to how far the stream is. */
type Known = { readonly names: readonly string[]; readonly isNow: boolean };

export type RemoteServersParts = StateParts & { readonly isLocal: (id: string) => boolean };

export class RemoteServers {
  readonly #parts: RemoteServersParts;
  readonly #known = new BoundedMap<number, Known>({
    sizeMax: NAMES_MAX,
    sizeOf: ({ names }) => names.length + 1,
  });

  constructor(parts: RemoteServersParts) {
    this.#parts = parts;
  }

  /** The servers in a room as far as it is known. Ask for many rooms by `load` before. */
  async in(roomNid: number): Promise<readonly string[]> {
    return (this.#known.get(roomNid) ?? (await this.load([roomNid])).get(roomNid))?.names ?? [];
  }

  /** The servers in a room at a place that is the next one to be handed on. Ask for many by `loadAt` before. */
  async at(place: RoomPlace): Promise<readonly string[]> {
    const known = this.#known.get(place.roomNid);
    if (known?.isNow === false) return known.names;
    return (await this.loadAt([place])).get(place.roomNid)?.names ?? [];
  }

  /** Reads the rooms of which nothing is known, in one statement; gives what was read. */
  async load(roomNids: Iterable<number>): Promise<ReadonlyMap<number, Known>> {
    const unknown = [...new Set(roomNids)].filter((roomNid) => !this.#known.has(roomNid));
    const found = await this.#find(unknown);
    return this.#keep(Array.from(found, ([roomNid, { joined }]) => [roomNid, this.#knownOf(joined, true)]));
  }

  /**
   * The same for rooms at places, of each room the first one counts. What has been said in a room since then may have
   * changed who is in it: who was there is to have what was said before they left.
   */
  async loadAt(places: Iterable<RoomPlace>): Promise<ReadonlyMap<number, Known>> {
    const wanted = new Map<number, RoomPlace>();
    for (const { roomNid, root } of places) {
      if (this.#known.get(roomNid)?.isNow !== false && !wanted.has(roomNid)) wanted.set(roomNid, { roomNid, root });
    }
    const read: [number, Known][] = [];
    for (const [roomNid, now] of await this.#find([...wanted.keys()])) {
      const joined = await findServersAt(this.#parts, wanted.get(roomNid) ?? { roomNid, root: undefined }, now);
      read.push([roomNid, this.#knownOf(joined, false)]);
    }
    return this.#keep(read);
  }

  /** The room's members are others from here on. */
  forget(roomNid: number): void {
    this.#known.delete(roomNid);
  }

  clear(): void {
    this.#known.clear();
  }

  async #find(roomNids: readonly number[]): Promise<ReadonlyMap<number, RoomServersNow>> {
    return roomNids.length === 0 ? new Map() : findServersOfRooms(this.#parts.database, roomNids);
  }

  /** Kept at once, and given besides, as what is kept may be too much to stay. */
  #keep(read: readonly (readonly [number, Known])[]): ReadonlyMap<number, Known> {
    for (const [roomNid, known] of read) this.#known.set(roomNid, known);
    return new Map(read);
  }

  #knownOf(joined: ReadonlyMap<string, number>, isNow: boolean): Known {
    const inRoom = [...joined].filter(([name, count]) => count > 0 && !this.#parts.isLocal(name));
    return { names: inRoom.map(([name]) => name), isNow };
  }
}

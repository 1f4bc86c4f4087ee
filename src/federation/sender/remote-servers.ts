/** Owns which other servers are in which rooms, as the sender has read the stream so far. */
import { BoundedMap } from '#core/bounded-map.ts';
import { serverNameOf } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findServersOfRooms, type RoomServersNow } from '#storage/rooms/find-outgoing-events.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findMemberEvents } from '#storage/streams/find-shared-users.ts';

/** Rooms and names together: some megabytes. */
const NAMES_MAX = 200_000;
/** Events read at once: each brings its text. */
const EVENTS_AT_ONCE = 1_000;

/** `isNow`: read without regard to how far the stream is. */
type Known = { readonly names: readonly string[]; readonly isNow: boolean };

/** A room at a place in the stream: the root of its state there, 0 if that is not known. */
export type RoomPlace = { readonly roomNid: number; readonly root: number };

export type RemoteServersParts = {
  readonly database: ReadTx;
  readonly tries: Pick<StateTries, 'diff'>;
  readonly isLocal: (id: string) => boolean;
};

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
    const wanted = new Map<number, number>();
    for (const { roomNid, root } of places) {
      if (this.#known.get(roomNid)?.isNow !== false && !wanted.has(roomNid)) wanted.set(roomNid, root);
    }
    const read: [number, Known][] = [];
    for (const [roomNid, now] of await this.#find([...wanted.keys()])) {
      const root = wanted.get(roomNid) ?? 0;
      const isSame = root === now.root || root === 0 || now.root === 0;
      const joined = isSame ? now.joined : await this.#joinedBefore(roomNid, root, now);
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

  /** By server how many were joined in an earlier state: what the states differ by is undone. */
  async #joinedBefore(roomNid: number, root: number, now: RoomServersNow): Promise<ReadonlyMap<string, number>> {
    const { database, tries } = this.#parts;
    const changes = await tries.diff(database, roomNid, root, now.root);
    const joined = new Map(now.joined);
    const add = async (eventNids: readonly number[], difference: 1 | -1): Promise<void> => {
      for (const name of await this.#findJoins(eventNids)) joined.set(name, (joined.get(name) ?? 0) + difference);
    };
    await add(
      changes.flatMap(({ before }) => before ?? []),
      1,
    );
    await add(
      changes.flatMap(({ after }) => after ?? []),
      -1,
    );
    return joined;
  }

  /** The servers of the users whom these events join, once for each. */
  async #findJoins(eventNids: readonly number[]): Promise<string[]> {
    const names: string[] = [];
    for (let start = 0; start < eventNids.length; start += EVENTS_AT_ONCE) {
      const nids = eventNids.slice(start, start + EVENTS_AT_ONCE);
      for (const { user_id: userId, json } of await findMemberEvents(this.#parts.database, nids)) {
        const { content }: { content: { membership?: unknown } } = JSON.parse(json);
        if (content.membership === 'join') names.push(serverNameOf(userId) ?? '');
      }
    }
    return names;
  }
}

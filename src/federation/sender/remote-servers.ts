/** Owns which other servers are in which rooms, as the sender has read the stream so far. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { ReadTx } from '#storage/database.ts';
import { findServersOfRooms } from '#storage/rooms/find-outgoing-events.ts';

/** Rooms and names together: some megabytes. */
const NAMES_MAX = 200_000;

export class RemoteServers {
  readonly #database: ReadTx;
  readonly #isLocal: (id: string) => boolean;
  readonly #known = new BoundedMap<number, readonly string[]>({
    sizeMax: NAMES_MAX,
    sizeOf: (names) => names.length + 1,
  });

  constructor(parts: { readonly database: ReadTx; readonly isLocal: (id: string) => boolean }) {
    this.#database = parts.database;
    this.#isLocal = parts.isLocal;
  }

  /** The servers of one room. Ask for many rooms by `load` before. */
  async in(roomNid: number): Promise<readonly string[]> {
    return this.#known.get(roomNid) ?? (await this.load([roomNid])).get(roomNid) ?? [];
  }

  /** Reads the rooms of which nothing is known, in one statement; gives what was read. */
  async load(roomNids: Iterable<number>): Promise<ReadonlyMap<number, readonly string[]>> {
    const unknown = [...new Set(roomNids)].filter((roomNid) => !this.#known.has(roomNid));
    if (unknown.length === 0) return new Map();
    const found = await findServersOfRooms(this.#database, unknown);
    const read = new Map(
      unknown.map((roomNid) => [roomNid, (found.get(roomNid) ?? []).filter((name) => !this.#isLocal(name))]),
    );
    for (const [roomNid, names] of read) this.#known.set(roomNid, names);
    return read;
  }

  /** The room's members are others from here on. */
  forget(roomNid: number): void {
    this.#known.delete(roomNid);
  }

  clear(): void {
    this.#known.clear();
  }
}

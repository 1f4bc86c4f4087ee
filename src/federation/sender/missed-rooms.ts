/** Owns what a server has missed, by room: the events that wait in the database and not in memory. */
import { PDUS_MAX, takeFitting } from '#federation/sender/transaction.ts';
import { findServersAt, type StateParts } from '#federation/sender/servers-at.ts';
import type { MissedRoom } from '#storage/federation/write-outbox.ts';
import {
  findMissedEvents,
  findNewestOfMany,
  findServersOfRooms,
  type MissedEvent,
} from '#storage/rooms/find-outgoing-events.ts';

type RoomState = {
  /** All before it has been sent, or is given up. */
  fromOrder: number;
  /** Whether there may be something to send. */
  hasNews: boolean;
  /** Whether it is known that not too many events are missing. */
  isMeasured: boolean;
  /** Whether the database does not know of it yet. */
  isUnwritten: boolean;
};

/** Rooms that are looked into for one transaction. */
const ROOMS_OF_LOOK_MAX = 20;

export type MissedPage = { readonly pdus: readonly string[]; readonly moves: readonly MissedRoom[] };

export class MissedRooms {
  readonly #parts: StateParts;
  readonly #serverName: string;
  readonly #rooms = new Map<number, RoomState>();

  /** `stored`: the order from which on events are missing, by room. */
  constructor(parts: StateParts, serverName: string, stored: ReadonlyMap<number, number>) {
    this.#parts = parts;
    this.#serverName = serverName;
    for (const [roomNid, fromOrder] of stored) {
      this.#rooms.set(roomNid, { fromOrder, hasNews: true, isMeasured: false, isUnwritten: false });
    }
  }

  get hasNews(): boolean {
    for (const { hasNews } of this.#rooms.values()) if (hasNews) return true;
    return false;
  }

  /** An event that the server is to have. Only the first one of a room costs anything. */
  note(roomNid: number, roomOrder: number): void {
    const room = this.#rooms.get(roomNid);
    if (room === undefined) {
      this.#rooms.set(roomNid, { fromOrder: roomOrder, hasNews: true, isMeasured: false, isUnwritten: true });
    } else if (roomOrder >= room.fromOrder) room.hasNews = true;
  }

  /** What the database is to learn before the reading of the stream is noted. */
  takeUnwritten(): MissedRoom[] {
    const unwritten: MissedRoom[] = [];
    for (const [roomNid, room] of this.#rooms) {
      if (!room.isUnwritten) continue;
      room.isUnwritten = false;
      unwritten.push({ serverName: this.#serverName, roomNid, fromOrder: room.fromOrder });
    }
    return unwritten;
  }

  /**
   * The next events, the oldest of each room first; where more are missing than `perRoomMax`, the newest alone, from which
   * the server finds the others. `moves` are to be written with them, and `moved` called then.
   */
  async take(bytesMax: number, perRoomMax: number): Promise<MissedPage> {
    const { database } = this.#parts;
    const pdus: string[] = [];
    const moves: MissedRoom[] = [];
    let bytes = 0;
    for (const [roomNid, room] of this.#rooms) {
      if (!room.hasNews) continue;
      if (pdus.length >= PDUS_MAX || bytes >= bytesMax || moves.length >= ROOMS_OF_LOOK_MAX) break;
      room.hasNews = false;
      const missed = { serverName: this.#serverName, roomNid, fromOrder: room.fromOrder };
      const newest = room.isMeasured ? undefined : await findNewestOfMany(database, missed, perRoomMax);
      room.isMeasured = true;
      const countMax = PDUS_MAX - pdus.length;
      const fromOrder = newest ?? room.fromOrder;
      const page = await findMissedEvents(database, { ...missed, fromOrder }, countMax);
      const wanted = await this.#selectOwn(roomNid, page);
      const taken = takeFitting(wanted, ({ json }) => json, { countMax, bytesMax: bytesMax - bytes });
      const isCut = taken.length < wanted.length;
      if (isCut || page.length === countMax) room.hasNews = true;
      pdus.push(...taken.map(({ json }) => json));
      bytes += taken.reduce((sum, { json }) => sum + json.length, 0);
      const last = isCut ? taken.at(-1) : page.at(-1);
      moves.push({ ...missed, fromOrder: last === undefined ? fromOrder : last.roomOrder + 1 });
      room.isUnwritten = false;
    }
    return { pdus, moves };
  }

  /** Those events that are for the server: one that has left is to have what was said while it was there. */
  async #selectOwn(roomNid: number, page: readonly MissedEvent[]): Promise<readonly MissedEvent[]> {
    if (page.every(({ isForServer }) => isForServer)) return page;
    const now = (await findServersOfRooms(this.#parts.database, [roomNid])).get(roomNid);
    const wasThere = new Map<number, boolean>();
    for (const { stateBefore: root, isForServer } of page) {
      if (isForServer || now === undefined || wasThere.has(root)) continue;
      const joined = await findServersAt(this.#parts, { roomNid, root }, now);
      wasThere.set(root, (joined.get(this.#serverName) ?? 0) > 0);
    }
    return page.filter(({ isForServer, stateBefore }) => isForServer || wasThere.get(stateBefore) === true);
  }

  /** The moves have been written. */
  moved(moves: readonly MissedRoom[]): void {
    for (const { roomNid, fromOrder } of moves) {
      const room = this.#rooms.get(roomNid);
      if (room !== undefined) room.fromOrder = fromOrder;
    }
  }
}

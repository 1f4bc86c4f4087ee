/** Owns the cache of which rooms a user is in, kept up to date from the event stream. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { ReadTx } from '#storage/database.ts';
import { findUserRooms } from '#storage/streams/find-user-rooms.ts';
import { membershipCodes, membershipIn, type EventFact } from '#streams/event-fact.ts';
import type { EventStream } from '#streams/event-stream.ts';
import type { Streams } from '#streams/streams.ts';

export type UserRoom = {
  readonly roomNid: number;
  readonly roomId: string;
  /** As `membershipCodes` has it. */
  readonly membership: number;
  /** Position of the event that made it so. */
  readonly sincePos: number;
  readonly forgotten: boolean;
};

/** What a user was to rooms at a position of the stream; never changed, only replaced. */
export type UserRoomsAt = {
  readonly pos: number;
  readonly rooms: ReadonlyMap<number, UserRoom>;
  readonly joined: readonly UserRoom[];
  readonly joinedNids: readonly number[];
};

const ROOMS_MAX = 1_000_000;

export class UserRooms {
  readonly #stream: EventStream;
  readonly #byUser = new BoundedMap<number, UserRoomsAt>({ sizeMax: ROOMS_MAX, sizeOf: (at) => at.rooms.size + 1 });

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  /** The rooms at the stream's horizon, without asking the database; undefined if that is not possible. */
  current(userNid: number, userId: string): UserRoomsAt | undefined {
    const at = this.#byUser.get(userNid);
    if (at === undefined || at.pos === this.#stream.horizon) return at;
    if (!this.#stream.reachesBackTo(at.pos)) return undefined;
    const changes = this.#stream.memberFactsSince(userId, at.pos);
    const next = withChanges(at, userId, changes, this.#stream.horizon);
    this.#byUser.set(userNid, next);
    return next;
  }

  /** Reads the rooms; when it resolves, `current` knows them. */
  async load(db: ReadTx, userNid: number): Promise<void> {
    const pos = this.#stream.horizon;
    const rows = await findUserRooms(db, userNid);
    // What was read may be newer than the stream is here; facts at or before a room's position do not change it again.
    const newest = rows.reduce((most, row) => Math.max(most, row.since_pos), 0);
    if (newest > this.#stream.horizon) await this.#stream.catchUp();
    const rooms = new Map<number, UserRoom>();
    for (const row of rows) {
      rooms.set(row.room_nid, {
        roomNid: row.room_nid,
        roomId: row.room_id,
        membership: row.membership,
        sincePos: row.since_pos,
        forgotten: row.forgotten,
      });
    }
    this.#byUser.set(userNid, userRoomsAt(pos, rooms));
  }
}

function withChanges(at: UserRoomsAt, userId: string, changes: readonly EventFact[], horizon: number): UserRoomsAt {
  if (changes.length === 0) return { ...at, pos: horizon };
  const rooms = new Map(at.rooms);
  for (const fact of changes) {
    const membership = membershipIn(fact, userId);
    if (fact.pos <= (rooms.get(fact.roomNid)?.sincePos ?? 0) || membership === undefined) continue;
    rooms.set(fact.roomNid, {
      roomNid: fact.roomNid,
      roomId: fact.roomId,
      membership,
      sincePos: fact.pos,
      forgotten: false,
    });
  }
  return userRoomsAt(horizon, rooms);
}

function userRoomsAt(pos: number, rooms: ReadonlyMap<number, UserRoom>): UserRoomsAt {
  const joined = [...rooms.values()].filter((room) => room.membership === membershipCodes.join);
  return { pos, rooms, joined, joinedNids: joined.map((room) => room.roomNid) };
}

// A cache of what the stream tells; each stream has its own.
const userRoomsOf = new WeakMap<EventStream, UserRooms>();

/** The user's rooms at exactly the stream's horizon as it is when this resolves; `fresh` asks the database in any case. */
export async function findUserRoomsAt(
  { database, streams }: { readonly database: ReadTx; readonly streams: Pick<Streams, 'events'> },
  { userNid, userId }: { readonly userNid: number; readonly userId: string },
  { fresh }: { readonly fresh: boolean },
): Promise<UserRoomsAt> {
  const { events } = streams;
  let userRooms = userRoomsOf.get(events);
  if (userRooms === undefined) userRoomsOf.set(events, (userRooms = new UserRooms(events)));
  if (fresh) await userRooms.load(database, userNid);
  for (;;) {
    const at = userRooms.current(userNid, userId);
    if (at !== undefined) return at;
    await userRooms.load(database, userNid);
  }
}

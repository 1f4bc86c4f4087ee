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
  /** Whether members are missing from the room's state, or were when the user left. */
  readonly isPartial: boolean;
  /** Position, on the stream of user data, at which they had come while the user was there; 0 where none were missing. */
  readonly completedPos: number;
};

/** What a user was to rooms at a position of the stream; never changed, only replaced. */
export type UserRoomsAt = {
  readonly pos: number;
  /** Up to where, on the stream of user data, it is known which rooms have been completed. */
  readonly dataPos: number;
  readonly rooms: ReadonlyMap<number, UserRoom>;
  readonly joined: readonly UserRoom[];
  readonly joinedNids: readonly number[];
};

const ROOMS_MAX = 1_000_000;

type ReadStreams = Pick<Streams, 'events' | 'userData'>;

export class UserRooms {
  readonly #streams: ReadStreams;
  readonly #byUser = new BoundedMap<number, UserRoomsAt>({ sizeMax: ROOMS_MAX, sizeOf: (at) => at.rooms.size + 1 });

  constructor(streams: ReadStreams) {
    this.#streams = streams;
  }

  /** The rooms at the stream's horizon, without asking the database; undefined if that is not possible. */
  current(userNid: number, userId: string): UserRoomsAt | undefined {
    const { events, userData } = this.#streams;
    const at = this.#byUser.get(userNid);
    if (at === undefined) return undefined;
    if (at.pos === events.horizon && at.dataPos === userData.horizon) return at;
    if (!events.reachesBackTo(at.pos) || !userData.reachesBackTo(at.dataPos)) return undefined;
    if (userData.hasSince('completedRooms', userNid, at.dataPos)) return undefined;
    const rooms = withChanges(at.rooms, userId, events.memberFactsSince(userId, at.pos));
    if (rooms === undefined) return undefined;
    const places = { pos: events.horizon, dataPos: userData.horizon };
    const next = rooms === at.rooms ? { ...at, ...places } : userRoomsAt(places, rooms);
    this.#byUser.set(userNid, next);
    return next;
  }

  /** Reads the rooms; when it resolves, `current` knows them. */
  async load(db: ReadTx, userNid: number): Promise<void> {
    const { events, userData } = this.#streams;
    const places = { pos: events.horizon, dataPos: userData.horizon };
    const rows = await findUserRooms(db, userNid);
    // What was read may be newer than the stream is here; facts at or before a room's position do not change it again.
    const newest = rows.reduce((most, row) => Math.max(most, row.since_pos), 0);
    if (newest > events.horizon) await events.catchUp();
    const rooms = new Map<number, UserRoom>();
    for (const row of rows) {
      rooms.set(row.room_nid, {
        roomNid: row.room_nid,
        roomId: row.room_id,
        membership: row.membership,
        sincePos: row.since_pos,
        forgotten: row.forgotten,
        isPartial: row.is_partial,
        completedPos: row.completed_pos,
      });
    }
    this.#byUser.set(userNid, userRoomsAt(places, rooms));
  }
}

/** Undefined where the facts do not tell: the user has come into a room that may be partial. */
function withChanges(
  before: ReadonlyMap<number, UserRoom>,
  userId: string,
  changes: readonly EventFact[],
): ReadonlyMap<number, UserRoom> | undefined {
  if (changes.length === 0) return before;
  const rooms = new Map(before);
  for (const fact of changes) {
    const membership = membershipIn(fact, userId);
    const known = rooms.get(fact.roomNid);
    if (fact.pos <= (known?.sincePos ?? 0) || membership === undefined) continue;
    if (membership === membershipCodes.join && known?.membership !== membership) return undefined;
    rooms.set(fact.roomNid, {
      roomNid: fact.roomNid,
      roomId: fact.roomId,
      membership,
      sincePos: fact.pos,
      forgotten: false,
      isPartial: known?.isPartial ?? false,
      completedPos: known?.completedPos ?? 0,
    });
  }
  return rooms;
}

function userRoomsAt(places: Pick<UserRoomsAt, 'pos' | 'dataPos'>, rooms: ReadonlyMap<number, UserRoom>): UserRoomsAt {
  const joined = [...rooms.values()].filter((room) => room.membership === membershipCodes.join);
  return { ...places, rooms, joined, joinedNids: joined.map((room) => room.roomNid) };
}

// A cache of what the stream tells; each stream has its own.
const userRoomsOf = new WeakMap<EventStream, UserRooms>();

/** The user's rooms at exactly the stream's horizon as it is when this resolves; `fresh` asks the database in any case. */
export async function findUserRoomsAt(
  { database, streams }: { readonly database: ReadTx; readonly streams: ReadStreams },
  { userNid, userId }: { readonly userNid: number; readonly userId: string },
  { fresh }: { readonly fresh: boolean },
): Promise<UserRoomsAt> {
  const { events } = streams;
  let userRooms = userRoomsOf.get(events);
  if (userRooms === undefined) userRoomsOf.set(events, (userRooms = new UserRooms(streams)));
  if (fresh) await userRooms.load(database, userNid);
  for (;;) {
    const at = userRooms.current(userNid, userId);
    if (at !== undefined) return at;
    await userRooms.load(database, userNid);
  }
}

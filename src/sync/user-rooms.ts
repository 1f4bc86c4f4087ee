/** Owns the cache of which rooms a user is in, kept up to date from the event stream. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { ReadTx } from '#storage/database.ts';
import { findPartiality, findUserRooms, type PartialityRow } from '#storage/streams/find-user-rooms.ts';
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
  /** Those whose members have come late. */
  readonly completed: readonly UserRoom[];
};

type Places = Pick<UserRoomsAt, 'pos' | 'dataPos'>;

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
    const at = this.#known(userNid);
    if (at === undefined) return undefined;
    const { events, userData } = this.#streams;
    if (at.pos === events.horizon && at.dataPos === userData.horizon) return at;
    const changes = events.memberFactsSince(userId, at.pos);
    if (enteredRooms(at.rooms, userId, changes).length > 0) return undefined;
    return this.#set(userNid, this.#places, changes.length === 0 ? at : withChanges(at.rooms, userId, changes));
  }

  /** Reads what events do not tell of the rooms that the user has come into; false if all rooms have to be read. */
  async follow(db: ReadTx, userNid: number, userId: string): Promise<boolean> {
    const at = this.#known(userNid);
    if (at === undefined) return false;
    const places = this.#places;
    const changes = this.#streams.events.memberFactsSince(userId, at.pos);
    const partiality = await findPartiality(db, userNid, enteredRooms(at.rooms, userId, changes));
    // Somebody else may have read more meanwhile.
    if (this.#byUser.get(userNid) === at)
      this.#set(userNid, places, withChanges(at.rooms, userId, changes, partiality));
    return true;
  }

  get #places(): Places {
    return { pos: this.#streams.events.horizon, dataPos: this.#streams.userData.horizon };
  }

  /** What was known, if all that has passed since is known too and no room was completed. */
  #known(userNid: number): UserRoomsAt | undefined {
    const { events, userData } = this.#streams;
    const at = this.#byUser.get(userNid);
    if (at === undefined || !events.reachesBackTo(at.pos) || !userData.reachesBackTo(at.dataPos)) return undefined;
    return userData.hasSince('completedRooms', userNid, at.dataPos) ? undefined : at;
  }

  #set(userNid: number, places: Places, at: UserRoomsAt | ReadonlyMap<number, UserRoom>): UserRoomsAt {
    const next = 'rooms' in at ? { ...at, ...places } : userRoomsAt(places, at);
    this.#byUser.set(userNid, next);
    return next;
  }

  /** Reads the rooms; when it resolves, `current` knows them. */
  async load(db: ReadTx, userNid: number): Promise<void> {
    const { events } = this.#streams;
    const places = this.#places;
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
    this.#set(userNid, places, rooms);
  }
}

/** Of a room that the user comes into no event tells whether its members are known. */
function enteredRooms(rooms: ReadonlyMap<number, UserRoom>, userId: string, changes: readonly EventFact[]): number[] {
  const { join } = membershipCodes;
  const memberships = new Map<number, number>();
  const entered = new Set<number>();
  for (const fact of changes) {
    const { roomNid, pos } = fact;
    const room = rooms.get(roomNid);
    const membership = membershipIn(fact, userId);
    if (pos <= (room?.sincePos ?? 0) || membership === undefined) continue;
    if (membership === join && (memberships.get(roomNid) ?? room?.membership) !== join) entered.add(roomNid);
    memberships.set(roomNid, membership);
  }
  return [...entered];
}

function withChanges(
  before: ReadonlyMap<number, UserRoom>,
  userId: string,
  changes: readonly EventFact[],
  partiality: ReadonlyMap<number, PartialityRow> = new Map(),
): ReadonlyMap<number, UserRoom> {
  const rooms = new Map(before);
  for (const fact of changes) {
    const membership = membershipIn(fact, userId);
    const known = rooms.get(fact.roomNid);
    if (fact.pos <= (known?.sincePos ?? 0) || membership === undefined) continue;
    const read = partiality.get(fact.roomNid);
    rooms.set(fact.roomNid, {
      roomNid: fact.roomNid,
      roomId: fact.roomId,
      membership,
      sincePos: fact.pos,
      forgotten: false,
      isPartial: read?.is_partial ?? known?.isPartial ?? false,
      completedPos: read?.completed_pos ?? known?.completedPos ?? 0,
    });
  }
  return rooms;
}

function userRoomsAt(places: Places, rooms: ReadonlyMap<number, UserRoom>): UserRoomsAt {
  const joined: UserRoom[] = [];
  const completed: UserRoom[] = [];
  for (const room of rooms.values()) {
    if (room.membership === membershipCodes.join) joined.push(room);
    if (room.completedPos > 0) completed.push(room);
  }
  return { ...places, rooms, joined, joinedNids: joined.map((room) => room.roomNid), completed };
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
    if (!(await userRooms.follow(database, userNid, userId))) await userRooms.load(database, userNid);
  }
}

/** Owns the first step of a sync: which rooms it speaks of, in which section, and from where to where. */
import type { ReadTx } from '#storage/database.ts';
import { findMembershipLog, type MembershipRow } from '#storage/streams/find-user-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';
import type { EventStream } from '#streams/event-stream.ts';
import type { SyncFilter } from '#sync/sync-filter.ts';
import type { UserRoom, UserRoomsAt } from '#sync/user-rooms.ts';

/** A room whose events the user is shown: those with after < pos ≤ upTo. */
export type RoomPlan = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly section: 'join' | 'leave';
  readonly after: number;
  readonly upTo: number;
  /** All of the state, instead of what changed since `after`. */
  readonly full: boolean;
  /** Every membership of the user in the room, if they were not joined all the time and events must be chosen by it. */
  readonly memberships: readonly MembershipRow[] | undefined;
  /** The user never was in the room within the window: only their own membership event is theirs to see. */
  readonly ownEventOnly: boolean;
  /**
   * The user was not joined at the last sync: the events that they are shown do not follow those that they may have from
   * an earlier stay, however few they are.
   */
  readonly hasGap: boolean;
};

export type Skeleton = {
  readonly plans: readonly RoomPlan[];
  readonly invited: readonly UserRoom[];
  readonly knocked: readonly UserRoom[];
};

export type SkeletonRequest = {
  readonly userNid: number;
  readonly userId: string;
  /** Undefined in an initial sync. */
  readonly since: number | undefined;
  readonly horizon: number;
  readonly fullState: boolean;
  readonly filter: SyncFilter;
};

const { none, invite, join, leave, ban, knock } = membershipCodes;
const goneMemberships: ReadonlySet<number> = new Set([none, leave, ban]);

/** Whether the user's own memberships are as they were at `since`, as far as the ring can tell. */
export function isSettled(stream: EventStream, userId: string, since: number): boolean {
  return stream.reachesBackTo(since) && stream.memberFactsSince(userId, since).length === 0;
}

/** The rooms of a sync. Rooms without anything new are still among them. */
export async function findSkeleton(
  parts: { readonly database: ReadTx; readonly stream: EventStream },
  request: SkeletonRequest,
  at: UserRoomsAt,
): Promise<Skeleton> {
  const { userNid, since, horizon, filter } = request;
  if (since !== undefined && isSettled(parts.stream, request.userId, since)) {
    const joined = at.joined.filter((room) => filter.hasRoom(room.roomId));
    return { plans: joined.map((room) => settledPlan(room, request, since)), invited: [], knocked: [] };
  }
  // The whole log is needed only for rooms that are new to the user, but it is short and in one place.
  const log = Map.groupBy(await findMembershipLog(parts.database, userNid, 0, horizon), (row) => row.room_nid);
  const skeleton = { plans: new Array<RoomPlan>(), invited: new Array<UserRoom>(), knocked: new Array<UserRoom>() };
  for (const room of at.rooms.values()) {
    if (!filter.hasRoom(room.roomId)) continue;
    const memberships = log.get(room.roomNid) ?? [];
    const isNew = since === undefined || room.sincePos > since;
    if (room.membership === invite && isNew) skeleton.invited.push(room);
    if (room.membership === knock && isNew) skeleton.knocked.push(room);
    const plan = planOf(room, memberships, request);
    if (plan !== undefined) skeleton.plans.push(plan);
  }
  return skeleton;
}

function settledPlan(room: UserRoom, { horizon, fullState }: SkeletonRequest, since: number): RoomPlan {
  const { roomNid, roomId } = room;
  const window = { after: since, upTo: horizon, full: fullState };
  return { roomNid, roomId, section: 'join', ...window, memberships: undefined, ownEventOnly: false, hasGap: false };
}

function planOf(room: UserRoom, memberships: readonly MembershipRow[], request: SkeletonRequest): RoomPlan | undefined {
  const { since = 0, filter } = request;
  const changes = memberships.filter((row) => row.pos > since);
  const was = changes[0]?.was ?? room.membership;
  if (room.membership === join) {
    const stayed = was === join && changes.every((row) => row.membership === join);
    if (stayed && request.since !== undefined) return settledPlan(room, request, since);
    const after = was === join ? since : 0;
    const hasGap = request.since !== undefined && was !== join;
    return { ...settledPlan(room, request, after), full: true, memberships, hasGap };
  }
  // None: a state resolution has undone that the user ever came, of which there is no event.
  if (!goneMemberships.has(room.membership)) return undefined;
  if (request.since === undefined ? !filter.includeLeave || room.forgotten : changes.length === 0) return undefined;
  return leftPlan(room, changes, memberships, request);
}

/** Of a room that is left, the events up to the last departure; if that is older, the event that changed it since. */
function leftPlan(
  room: UserRoom,
  changes: readonly MembershipRow[],
  memberships: readonly MembershipRow[],
  { since }: SkeletonRequest,
): RoomPlan {
  const departure = changes.findLast((row) => row.was === join && row.membership !== join);
  const joinedAtSince = since !== undefined && changes[0]?.was === join;
  const own = departure === undefined;
  return {
    roomNid: room.roomNid,
    roomId: room.roomId,
    section: 'leave',
    after: own ? room.sincePos - 1 : joinedAtSince ? (since ?? 0) : 0,
    upTo: departure?.pos ?? room.sincePos,
    full: !own && !joinedAtSince,
    memberships,
    ownEventOnly: own,
    hasGap: since !== undefined && !own && !joinedAtSince,
  };
}

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
  /** States are read from the table, all at once: what is in memory of them, or read bit by bit, may lack members or not. */
  readonly isProvisional: boolean;
  /** The members that its state lacked have come since: those are not told, but how many there are. */
  readonly isCompleted: boolean;
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
  /** The same on the stream of user data. */
  readonly dataSpan: { readonly since: number | undefined; readonly horizon: number };
  readonly fullState: boolean;
  readonly filter: SyncFilter;
};

const { none, invite, join, leave, ban, knock } = membershipCodes;
const goneMemberships: ReadonlySet<number> = new Set([none, leave, ban]);

/** Whether the user's own memberships are as they were at `since`, as far as the ring can tell. */
export function isSettled(stream: EventStream, userId: string, since: number): boolean {
  return stream.reachesBackTo(since) && stream.memberFactsSince(userId, since).length === 0;
}

/** Whether the room's members are not all known, as far as the answer can know. */
export function isPartialAt(room: UserRoom, dataHorizon: number): boolean {
  return room.isPartial || room.completedPos > dataHorizon;
}

/** Whether the members that the room lacked have come within the span. */
export function isCompletedIn(
  { isPartial, completedPos }: UserRoom,
  { since, horizon }: { readonly since: number | undefined; readonly horizon: number },
): boolean {
  return !isPartial && since !== undefined && completedPos > since && completedPos <= horizon;
}

/**
 * The rooms of a sync. Rooms without anything new are still among them. A client that loads members lazily can use a room of
 * which not all are known; every other one is shown it when they are.
 */
export async function findSkeleton(
  parts: { readonly database: ReadTx; readonly stream: EventStream },
  request: SkeletonRequest,
  at: UserRoomsAt,
): Promise<Skeleton> {
  const { userNid, since, horizon, filter } = request;
  const lost = at.completed.filter((room) => isLost(room, request));
  const isNothingNew = lost.length === 0 && !at.completed.some((room) => isNewlyShown(room, request));
  if (since !== undefined && isSettled(parts.stream, request.userId, since) && isNothingNew) {
    const joined = at.joined.filter((room) => filter.hasRoom(room.roomId) && !isHidden(room, request));
    return { plans: joined.map((room) => settledPlan(room, request, since)), invited: [], knocked: [] };
  }
  // The whole log is needed only for rooms that are new to the user, but it is short and in one place.
  const upTo = Math.max(horizon, ...lost.map(({ sincePos }) => sincePos));
  const log = Map.groupBy(await findMembershipLog(parts.database, userNid, 0, upTo), (row) => row.room_nid);
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

function isHidden(room: UserRoom, { filter, dataSpan }: SkeletonRequest): boolean {
  return !filter.state.lazyLoadMembers && isPartialAt(room, dataSpan.horizon);
}

function isNewlyShown(room: UserRoom, { filter, dataSpan }: SkeletonRequest): boolean {
  return !filter.state.lazyLoadMembers && room.membership === join && isCompletedIn(room, dataSpan);
}

/** Whether the full state has it that the user is not in the room, which no event tells, and which may be beyond the horizon. */
function isLost(room: UserRoom, { dataSpan }: SkeletonRequest): boolean {
  return room.membership !== join && isCompletedIn(room, dataSpan);
}

function settledPlan(room: UserRoom, request: SkeletonRequest, since: number): RoomPlan {
  const { roomNid, roomId } = room;
  const { horizon, fullState, dataSpan } = request;
  return {
    roomNid,
    roomId,
    section: 'join',
    after: since,
    upTo: horizon,
    full: fullState,
    memberships: undefined,
    ownEventOnly: false,
    hasGap: false,
    isProvisional: isPartialAt(room, dataSpan.horizon),
    isCompleted: isCompletedIn(room, dataSpan),
  };
}

function planOf(room: UserRoom, memberships: readonly MembershipRow[], request: SkeletonRequest): RoomPlan | undefined {
  const { since = 0, filter } = request;
  const changes = memberships.filter((row) => row.pos > since);
  const was = changes[0]?.was ?? room.membership;
  if (room.membership === join) {
    if (isHidden(room, request)) return undefined;
    const isNew = was !== join || isNewlyShown(room, request);
    const stayed = !isNew && changes.every((row) => row.membership === join);
    if (stayed && request.since !== undefined) return settledPlan(room, request, since);
    const after = isNew ? 0 : since;
    const hasGap = request.since !== undefined && isNew;
    return { ...settledPlan(room, request, after), full: true, memberships, hasGap };
  }
  // None: a state resolution has undone that the user ever came, of which there is no event.
  if (!goneMemberships.has(room.membership)) return undefined;
  if (request.since === undefined ? !filter.includeLeave || room.forgotten : changes.length === 0) return undefined;
  return leftPlan(room, changes, memberships, request);
}

/**
 * Of a room that is left, the events up to the last departure; if that is older, the event that changed it since. That is all,
 * too, of a room that the client was not shown.
 */
function leftPlan(
  room: UserRoom,
  changes: readonly MembershipRow[],
  memberships: readonly MembershipRow[],
  request: SkeletonRequest,
): RoomPlan {
  const { since } = request;
  const departure = isHidden(room, request)
    ? undefined
    : changes.findLast((row) => row.was === join && row.membership !== join);
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
    isProvisional: isPartialAt(room, request.dataSpan.horizon),
    isCompleted: false,
  };
}

/** Owns answering GET /sync: what is new for one user since a token, waiting for it if need be. */
import type { Clock } from '#core/clock.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { Database } from '#storage/database.ts';
import { findEventsByNids } from '#storage/rooms/find-events.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findInviteBlockers } from '#storage/users/find-invite-permission.ts';
import { findRoomSummaries } from '#storage/streams/find-sync-state.ts';
import { findStrippedSnapshots } from '#storage/streams/find-user-rooms.ts';
import { isMember } from '#streams/fact-ring.ts';
import type { EventStream } from '#streams/event-stream.ts';
import { formatSyncToken } from '#streams/sync-token.ts';
import { answerJson, roomJson, type Presentation, type RoomView } from '#sync/present.ts';
import { findBundles } from '#sync/bundles.ts';
import { findRoomStates } from '#sync/room-states.ts';
import { findSkeleton, isSettled, type Skeleton, type SkeletonRequest } from '#sync/skeleton.ts';
import type { SyncFilter } from '#sync/sync-filter.ts';
import { findRoomTimelines, type Timeline } from '#sync/timelines.ts';
import { UserRooms, type UserRoom, type UserRoomsAt } from '#sync/user-rooms.ts';

export type SyncParts = {
  readonly database: Database;
  readonly tries: StateTries;
  readonly stream: EventStream;
  readonly clock: Clock;
};

export type SyncRequest = {
  readonly userNid: number;
  readonly userId: string;
  readonly deviceNid: number;
  /** Event position of the client's token, at most the stream's horizon; undefined in an initial sync. */
  readonly since: number | undefined;
  readonly filter: SyncFilter;
  readonly fullState: boolean;
  readonly useStateAfter: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

// A cache of what the stream tells; each stream has its own.
const userRoomsOf = new WeakMap<EventStream, UserRooms>();

/** The answer's JSON text. Answers at once if there is something new, in an initial sync and with `fullState`. */
export async function answerSync(parts: SyncParts, request: SyncRequest): Promise<string> {
  const { stream, clock } = parts;
  const { userId, signal } = request;
  let { since } = request;
  const deadlineMs = clock.monotonicMs() + request.timeoutMs;
  for (;;) {
    const at = await roomsAtHorizon(parts, request);
    const horizon = at.pos;
    const quiet = since !== undefined && !request.fullState && isQuiet(stream, at, userId, since);
    const rooms = quiet ? undefined : await collect(parts, { ...request, since, horizon }, at);
    const remainingMs = deadlineMs - clock.monotonicMs();
    const isDue = since === undefined || request.fullState || remainingMs <= 0 || signal.aborted;
    if (rooms !== undefined || isDue) return present(stream, horizon, rooms);
    // Nothing of what has passed is for this user, so it need not be looked at again.
    since = await stream.waitFor({ roomNids: at.joinedNids, userId, after: horizon, timeoutMs: remainingMs, signal });
  }
}

/** The user's rooms at exactly the stream's horizon as it is when this resolves. */
async function roomsAtHorizon(parts: SyncParts, request: SyncRequest): Promise<UserRoomsAt> {
  let userRooms = userRoomsOf.get(parts.stream);
  if (userRooms === undefined) userRoomsOf.set(parts.stream, (userRooms = new UserRooms(parts.stream)));
  // Forgetting a room is no event, so that an initial sync asks.
  if (request.since === undefined) await userRooms.load(parts.database, request.userNid);
  for (;;) {
    const at = userRooms.current(request.userNid, request.userId);
    if (at !== undefined) return at;
    await userRooms.load(parts.database, request.userNid);
  }
}

function isQuiet(stream: EventStream, at: UserRoomsAt, userId: string, since: number): boolean {
  if (since >= at.pos) return true;
  if (!isSettled(stream, userId, since)) return false;
  return at.joinedNids.every((roomNid) => stream.roomFactsSince(roomNid, since).length === 0);
}

function present(stream: EventStream, horizon: number, sections: Parameters<typeof answerJson>[1] = {}): string {
  return answerJson(formatSyncToken({ epoch: stream.epoch, positions: [horizon, 0, 0, 0, 0] }), sections);
}

/** The sections of the answer; undefined if nothing is new. */
async function collect(
  parts: SyncParts,
  request: SyncRequest & SkeletonRequest,
  at: UserRoomsAt,
): Promise<Parameters<typeof answerJson>[1] | undefined> {
  const { database } = parts;
  const skeleton = await findSkeleton(parts, request, at);
  const timelines = await findRoomTimelines(parts, skeleton.plans, request);
  const views = await hydrate(parts, timelines, request);
  const to = await presentationOf(parts, views, request);
  const join = new Map<string, string>();
  const leave = new Map<string, string>();
  for (const view of views) {
    const { plan } = view.timeline;
    (plan.section === 'join' ? join : leave).set(plan.roomId, roomJson(view, to));
  }
  const [invite, knock] = await strippedSections(database, request.userNid, skeleton);
  const count = join.size + leave.size + invite.size + knock.size;
  return count === 0 ? undefined : { join, invite, leave, knock };
}

/** Adds state and summaries, and drops rooms in which nothing is to be told. */
async function hydrate(
  parts: SyncParts,
  timelines: readonly Timeline[],
  request: SyncRequest & SkeletonRequest,
): Promise<RoomView[]> {
  const { database } = parts;
  const summarised = timelines.filter((timeline) => timeline.plan.section === 'join' && mayChangeSummary(timeline));
  const summaries = await findRoomSummaries(
    database,
    summarised.map(({ plan }) => plan.roomNid),
  );
  const states = await findRoomStates(parts, timelines, { ...request, summaries });
  const versions = await findVersions(parts, timelines);
  return timelines.flatMap((timeline, index) => {
    const { plan, items, limited } = timeline;
    const stateNids = states[index] ?? [];
    const version = versions.get(plan.roomNid);
    const isEmpty = items.length === 0 && stateNids.length === 0 && !limited;
    if (version === undefined || (isEmpty && !plan.full)) return [];
    return [{ timeline, stateNids, version, summary: summaries.get(plan.roomNid) }];
  });
}

/** Whether members may have come or gone. What the table told is not looked through again. */
function mayChangeSummary({ plan, facts }: Timeline): boolean {
  return plan.full || facts === undefined || facts.some(isMember);
}

async function findVersions(
  { database }: SyncParts,
  timelines: readonly Timeline[],
): Promise<ReadonlyMap<number, RoomVersion>> {
  const rooms = await Promise.all(timelines.map(({ plan }) => findRoom(database, plan.roomId)));
  return new Map(rooms.flatMap((room) => (room === undefined ? [] : [[room.roomNid, room.version]])));
}

/** Reads in one query the text of every event that the ring does not tell. */
async function presentationOf(
  { database, clock }: SyncParts,
  views: readonly RoomView[],
  { userId, userNid, deviceNid, useStateAfter }: SyncRequest,
): Promise<Presentation> {
  const nids = new Set<number>();
  for (const { timeline, stateNids } of views) {
    for (const nid of stateNids) nids.add(nid);
    for (const item of timeline.items) {
      if (item.fact === undefined) nids.add(item.eventNid);
      if (item.replacesNid !== undefined) nids.add(item.replacesNid);
    }
  }
  const events = await findEventsByNids(database, [...nids]);
  const stored = new Map(events.map((event) => [event.eventNid, event]));
  const now = clock.now();
  const relations = await findBundles(database, views, { userId, userNid, deviceNid, now, stored });
  return { userId, deviceNid, now, useStateAfter, stored, relations };
}

/**
 * The sections `invite` and `knock`: the state that came with the invitation, or that the knock was answered with.
 * Who takes no invitations is told of none. Specification: Client-Server API, "Invite permission".
 */
async function strippedSections(
  database: Database,
  userNid: number,
  skeleton: Skeleton,
): Promise<[ReadonlyMap<string, string>, ReadonlyMap<string, string>]> {
  const { knocked } = skeleton;
  const isBlocked = skeleton.invited.length > 0 && (await findInviteBlockers(database, [userNid])).length > 0;
  const invited = isBlocked ? [] : skeleton.invited;
  const roomNids = [...invited, ...knocked].map((room) => room.roomNid);
  const states = await findStrippedSnapshots(database, userNid, roomNids);
  const section = (rooms: readonly UserRoom[], key: string): Map<string, string> =>
    new Map(rooms.map((room) => [room.roomId, `{"${key}":{"events":${states.get(room.roomNid) ?? '[]'}}}`]));
  return [section(invited, 'invite_state'), section(knocked, 'knock_state')];
}

/** Owns the rooms of a sync's answer, in four steps: which rooms, load, filter, present. */
import type { Clock } from '#core/clock.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { refillHeroes } from '#rooms/heroes.ts';
import type { Database } from '#storage/database.ts';
import { findEventsByNids } from '#storage/rooms/find-events.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findInviteBlockers } from '#storage/users/find-invite-permission.ts';
import { findRoomSummaries } from '#storage/streams/find-sync-state.ts';
import { findStrippedSnapshots } from '#storage/streams/find-user-rooms.ts';
import type { EventStream } from '#streams/event-stream.ts';
import { mayChangeMembers } from '#streams/event-fact.ts';
import { quietRoomJson, roomJson, type Presentation, type RoomSections, type RoomView } from '#sync/present.ts';
import { cutAtGap } from '#sync/cut-at-gap.ts';
import { cutUndone } from '#sync/cut-undone.ts';
import { findBundles } from '#sync/bundles.ts';
import { findRoomStates } from '#sync/room-states.ts';
import type { RoomExtras } from '#sync/room-extras.ts';
import type { RoomPlan, Skeleton, SkeletonRequest } from '#sync/skeleton.ts';
import type { SyncParts, SyncRequest } from '#sync/sync-request.ts';
import { addUnread } from '#sync/unread/add-unread.ts';
import { findRoomTimelines, type Timeline } from '#sync/timelines.ts';
import type { ErasedUsers } from '#users/erased-users.ts';
import type { UserRoom } from '#sync/user-rooms.ts';

type Parts = {
  readonly database: Database;
  readonly tries: StateTries;
  readonly clock: Clock;
  readonly stream: EventStream;
  readonly erasedUsers: Pick<ErasedUsers, 'erasedPosOf'>;
};
type Request = Omit<SyncRequest, 'since'> &
  SkeletonRequest & {
    readonly ignored: ReadonlySet<string>;
    /** The place in the streams at which the answer ends. */
    readonly endToken: string;
  };

/** The rooms in which something is new. */
export async function collectRooms(
  { database, tries, clock, streams, erasedUsers, unreadCounts }: SyncParts,
  request: Request,
  skeleton: Skeleton,
  extras: RoomExtras,
): Promise<RoomSections> {
  const parts = { database, tries, clock, stream: streams.events, erasedUsers };
  const found = (await findRoomTimelines(parts, skeleton.plans, request)).map(cutAtGap);
  const isForked = request.stateAfterName === undefined && found.some(({ forks }) => forks.length > 0);
  const timelines = isForked ? await Promise.all(found.map((timeline) => cutUndone(parts, timeline))) : found;
  const views = await hydrate(parts, timelines, request, extras);
  const to = await presentationOf(parts, views, request);
  await addUnread(unreadCounts, roomsToTell(views, skeleton.plans, extras), request, extras);
  const join = new Map<string, string>();
  const leave = new Map<string, string>();
  for (const view of views) {
    const { plan } = view.timeline;
    (plan.section === 'join' ? join : leave).set(plan.roomId, roomJson(view, to, extras));
  }
  addQuietRooms(join, skeleton.plans, request, extras);
  const [invite, knock] = await strippedSections(database, request, skeleton);
  return { join, invite, leave, knock };
}

/** The joined rooms of which the answer will speak. */
function roomsToTell(views: readonly RoomView[], plans: readonly RoomPlan[], extras: RoomExtras): readonly RoomPlan[] {
  const viewed = new Set(views.map(({ timeline }) => timeline.plan));
  return plans.filter((plan) => plan.section === 'join' && (viewed.has(plan) || extras.has(plan.roomNid)));
}

/** Rooms in which no event is new, but something beside them. */
function addQuietRooms(
  join: Map<string, string>,
  plans: readonly RoomPlan[],
  { stateAfterName }: Request,
  extras: RoomExtras,
): void {
  for (const plan of plans) {
    if (plan.section === 'join' && !join.has(plan.roomId) && extras.has(plan.roomNid)) {
      join.set(plan.roomId, quietRoomJson(plan.roomNid, stateAfterName ?? 'state', extras));
    }
  }
}

/** Adds state and summaries, and drops rooms in which nothing is to be told. */
async function hydrate(
  parts: Parts,
  timelines: readonly Timeline[],
  request: Request,
  extras: RoomExtras,
): Promise<RoomView[]> {
  const { database } = parts;
  const summarised = timelines.filter((timeline) => timeline.plan.section === 'join' && mayChangeSummary(timeline));
  const known = await findRoomSummaries(
    database,
    summarised.map(({ plan }) => plan.roomNid),
  );
  const summaries = await refillHeroes(parts, known, request.horizon);
  const states = await findRoomStates(parts, timelines, {
    ...request,
    useStateAfter: request.stateAfterName !== undefined,
    summaries,
  });
  const versions = await findVersions(parts, timelines);
  return timelines.flatMap((timeline, index) => {
    const { plan, items, limited } = timeline;
    const stateNids = states[index] ?? [];
    const version = versions.get(plan.roomNid);
    const isEmpty = items.length === 0 && stateNids.length === 0 && !limited;
    // That a room was left is news, whatever the filter leaves out, and so is how many members it has.
    const isNews = plan.full || plan.isCompleted || plan.section === 'leave' || extras.has(plan.roomNid);
    if (version === undefined || (isEmpty && !isNews)) return [];
    return [{ timeline, stateNids, version, summary: summaries.get(plan.roomNid) }];
  });
}

/** A room that has lost its name, perhaps by a redaction, is called by its heroes, who were not told before. */
const namingTypes: ReadonlySet<string> = new Set(['m.room.name', 'm.room.canonical_alias', 'm.room.redaction']);

/** Whether members may have come or gone, or the room a name. What the table told is not looked through again. */
function mayChangeSummary({ plan, facts }: Timeline): boolean {
  return plan.full || facts === undefined || facts.some((fact) => mayChangeMembers(fact) || namingTypes.has(fact.type));
}

async function findVersions(
  { database }: Parts,
  timelines: readonly Timeline[],
): Promise<ReadonlyMap<number, RoomVersion>> {
  const rooms = await Promise.all(timelines.map(({ plan }) => findRoom(database, plan.roomId)));
  return new Map(rooms.flatMap((room) => (room === undefined ? [] : [[room.roomNid, room.version]])));
}

/** Reads in one query the text of every event that the ring does not tell. */
async function presentationOf(
  { database, clock, erasedUsers }: Parts,
  views: readonly RoomView[],
  { userId, userNid, deviceNid, stateAfterName, filter, ignored, endToken }: Request,
): Promise<Presentation> {
  const nids = new Set<number>();
  for (const { timeline, stateNids } of views) {
    for (const nid of stateNids) nids.add(nid);
    for (const item of timeline.items) {
      if (item.fact === undefined || filter.shape?.isFederation === true) nids.add(item.eventNid);
      if (item.replacesNid !== undefined) nids.add(item.replacesNid);
    }
  }
  const events = await findEventsByNids(database, [...nids]);
  const stored = new Map(events.map((event) => [event.eventNid, event]));
  const now = clock.now();
  const { erasedPosOf } = erasedUsers;
  const reader = { userId, userNid, deviceNid, ignored };
  const relations = await findBundles(database, views, { ...reader, now, stored, erasedPosOf });
  return {
    userId,
    deviceNid,
    now,
    erasedPosOf,
    stateName: stateAfterName ?? 'state',
    endToken,
    shape: filter.shape,
    stateContainsUrl: filter.state.containsUrl,
    stored,
    relations,
  };
}

/**
 * The sections `invite` and `knock`: the state that came with the invitation, or that the knock was answered with.
 * Who takes no invitations is told of none, and nobody of those by somebody whom they ignore.
 * Specification: Client-Server API, "Invite permission" and "Ignoring Users".
 */
async function strippedSections(
  database: Database,
  { userNid, userId, ignored }: Request,
  skeleton: Skeleton,
): Promise<[ReadonlyMap<string, string>, ReadonlyMap<string, string>]> {
  const { knocked } = skeleton;
  const isBlocked = skeleton.invited.length > 0 && (await findInviteBlockers(database, [userNid])).length > 0;
  const open = isBlocked ? [] : skeleton.invited;
  const roomNids = [...open, ...knocked].map((room) => room.roomNid);
  const states = await findStrippedSnapshots(database, userNid, roomNids);
  const invited =
    ignored.size === 0
      ? open
      : open.filter(({ roomNid }) => !ignored.has(inviterIn(states.get(roomNid), userId) ?? ''));
  const section = (rooms: readonly UserRoom[], key: string): Map<string, string> =>
    new Map(rooms.map((room) => [room.roomId, `{"${key}":{"events":${states.get(room.roomNid) ?? '[]'}}}`]));
  return [section(invited, 'invite_state'), section(knocked, 'knock_state')];
}

/** Who sent the invitation that a snapshot came with. */
function inviterIn(state: string | undefined, userId: string): string | undefined {
  const events: readonly { readonly type: string; readonly state_key: string; readonly sender: string }[] =
    state === undefined ? [] : JSON.parse(state);
  return events.find((event) => event.type === 'm.room.member' && event.state_key === userId)?.sender;
}

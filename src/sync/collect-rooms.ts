/** Owns the rooms of a sync's answer, in four steps: which rooms, load, filter, present. */
import type { Clock } from '#core/clock.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { Database } from '#storage/database.ts';
import { findEventsByNids } from '#storage/rooms/find-events.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findInviteBlockers } from '#storage/users/find-invite-permission.ts';
import { findRoomSummaries } from '#storage/streams/find-sync-state.ts';
import { findStrippedSnapshots } from '#storage/streams/find-user-rooms.ts';
import type { EventStream } from '#streams/event-stream.ts';
import { isMember } from '#streams/fact-ring.ts';
import { roomJson, type Presentation, type RoomSections, type RoomView } from '#sync/present.ts';
import { findBundles } from '#sync/bundles.ts';
import { findRoomStates } from '#sync/room-states.ts';
import { findSkeleton, type Skeleton, type SkeletonRequest } from '#sync/skeleton.ts';
import type { SyncParts, SyncRequest, SyncWindow } from '#sync/sync-request.ts';
import { findRoomTimelines, type Timeline } from '#sync/timelines.ts';
import type { UserRoom, UserRoomsAt } from '#sync/user-rooms.ts';

type Parts = {
  readonly database: Database;
  readonly tries: StateTries;
  readonly clock: Clock;
  readonly stream: EventStream;
};
type Request = Omit<SyncRequest, 'since'> & SkeletonRequest;

/** The rooms in which something is new. */
export async function collectRooms(
  { database, tries, clock, streams }: SyncParts,
  window: SyncWindow,
  at: UserRoomsAt,
): Promise<RoomSections> {
  const parts = { database, tries, clock, stream: streams.events };
  const request = { ...window, since: window.since?.[0], horizon: window.horizons[0] };
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
  return { join, invite, leave, knock };
}

/** Adds state and summaries, and drops rooms in which nothing is to be told. */
async function hydrate(parts: Parts, timelines: readonly Timeline[], request: Request): Promise<RoomView[]> {
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
  { database }: Parts,
  timelines: readonly Timeline[],
): Promise<ReadonlyMap<number, RoomVersion>> {
  const rooms = await Promise.all(timelines.map(({ plan }) => findRoom(database, plan.roomId)));
  return new Map(rooms.flatMap((room) => (room === undefined ? [] : [[room.roomNid, room.version]])));
}

/** Reads in one query the text of every event that the ring does not tell. */
async function presentationOf(
  { database, clock }: Parts,
  views: readonly RoomView[],
  { userId, userNid, deviceNid, useStateAfter }: Request,
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

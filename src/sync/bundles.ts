/** Owns what a sync tells of the children of its events: only where a timeline is limited, as else the client has them. */
import type { RoomVersion } from '#matrix/room-versions.ts';
import { isVisibleTo } from '#rooms/event-visibility.ts';
import { bundleRelations, type BundleReader, type Parent } from '#rooms/relations/bundle-relations.ts';
import type { RenderOptions } from '#rooms/render-events.ts';
import type { ReadTx } from '#storage/database.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { Timeline } from '#sync/timelines.ts';
import type { ErasedPosOf } from '#users/erased-users.ts';
import { membershipOfPlan } from '#sync/membership-of-plan.ts';

type LimitedRoom = { readonly timeline: Timeline; readonly version: RoomVersion };

export type BundleRequest = {
  readonly userNid: number;
  readonly userId: string;
  readonly deviceNid: number;
  readonly now: number;
  readonly erasedPosOf: ErasedPosOf;
  readonly ignored: ReadonlySet<string>;
  readonly stored: ReadonlyMap<number, StoredEvent>;
};

/**
 * The aggregations of the events of limited timelines, by event id; the queries do not depend on the number of rooms.
 * Specification: Client-Server API, "Aggregations of child events".
 */
export async function findBundles(
  database: ReadTx,
  rooms: readonly LimitedRoom[],
  request: BundleRequest,
): Promise<ReadonlyMap<string, string>> {
  const limited = new Map(
    rooms.filter(({ timeline }) => timeline.limited).map((room) => [room.timeline.plan.roomNid, room]),
  );
  if (limited.size === 0) return new Map();
  const parents = Array.from(limited.values(), (room) => parentsOf(room, request)).flat();
  const { userId, deviceNid, now, erasedPosOf } = request;
  const reader: BundleReader = {
    userNid: request.userNid,
    ignored: request.ignored,
    optionsOf: (roomNid): RenderOptions => {
      const { timeline, version } = roomOf(roomNid);
      const membershipOf = membershipOfPlan(timeline.plan);
      return { roomId: undefined, deviceNid, now, version, membershipOf, erasedPosOf };
    },
    selectVisible: (children) =>
      Promise.resolve(
        children.filter((child) => {
          const { timeline, version } = roomOf(child.roomNid);
          const { plan } = timeline;
          if ((child.pos ?? 0) > plan.upTo) return false;
          return plan.memberships === undefined || isVisibleTo(child, userId, plan.memberships, { room: { version } });
        }),
      ),
  };
  const roomOf = (roomNid: number): LimitedRoom => {
    const room = limited.get(roomNid);
    if (room === undefined) throw new Error('A child is in the room of its parent.');
    return room;
  };
  return bundleRelations(database, reader, parents);
}

function parentsOf({ timeline }: LimitedRoom, { stored }: BundleRequest): Parent[] {
  const { plan, facts, items } = timeline;
  // The next sync tells of what came since.
  const last = facts?.at(-1) ?? (plan.section === 'leave' ? items.at(-1) : undefined);
  const before = last === undefined ? Number.MAX_SAFE_INTEGER : last.roomOrder + 1;
  return timeline.items.flatMap(({ eventNid, stateKey, fact }) => {
    const event = stored.get(eventNid);
    const eventId = fact?.eventId ?? event?.eventId;
    if (eventId === undefined) return [];
    return [{ eventId, stateKey, isRedacted: event?.redaction !== undefined, before }];
  });
}

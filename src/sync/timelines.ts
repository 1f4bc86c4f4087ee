/** Owns the timelines of a sync: the newest events of each room's window, from the ring if it reaches, else from the table. */
import { isEventVisible, type HistoryVisibility } from '#matrix/history-visibility.ts';
import { membershipOfPlan } from '#sync/membership-of-plan.ts';
import type { ReadTx } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findForks } from '#storage/streams/find-forks.ts';
import { findOutOfBandEvents, findTimelines, type TimelineRow } from '#storage/streams/find-timelines.ts';
import { membershipCodes, type EventFact, type Fork } from '#streams/event-fact.ts';
import type { EventStream } from '#streams/event-stream.ts';
import { hasUrl } from '#sync/event-shape.ts';
import type { RoomPlan } from '#sync/skeleton.ts';
import type { SyncFilter } from '#sync/sync-filter.ts';
import { isUnheard } from '#users/ignored-users.ts';

export type TimelineItem = {
  readonly pos: number;
  readonly eventNid: number;
  readonly type: string;
  readonly stateKey: string | undefined;
  readonly sender: string;
  readonly roomOrder: number;
  readonly stateBefore: number;
  /** What the reader was to the room at the event. */
  readonly membership: string;
  /** The state event that this one replaced. */
  readonly replacesNid: number | undefined;
  /** Set if it does not follow the room's newest events. */
  readonly fork: StateFork | undefined;
  /** What the ring has of it, if that is still how the event looks. */
  readonly fact: EventFact | undefined;
};

/** The room's state before and after an event that does not stand on it. */
export type StateFork = Pick<Fork, 'rootBefore' | 'rootAfter' | 'hasGapBefore'>;
type PlacedFork = StateFork & Pick<TimelineItem, 'pos' | 'roomOrder'>;

export type Timeline = {
  readonly plan: RoomPlan;
  /** Oldest first. */
  readonly items: readonly TimelineItem[];
  readonly limited: boolean;
  /** The order below which everything lies that is not in the timeline; undefined if nothing in the window tells it. */
  readonly startOrder: number | undefined;
  /** Every fact of the window, when the ring has them all. */
  readonly facts: readonly EventFact[] | undefined;
  /** Events since the first item that do not follow the room's newest ones, in the order of their positions. */
  readonly forks: readonly PlacedFork[];
};

export type TimelineReader = {
  readonly userId: string;
  readonly filter: SyncFilter;
  /** Users whose messages the reader does not want. */
  readonly ignored: ReadonlySet<string>;
};

export type TimelineParts = { readonly database: ReadTx; readonly tries: StateTries; readonly stream: EventStream };

/**
 * The timelines of the rooms that have something new, and of those that are shown in full. An event that was redacted
 * after it went into the ring is marked to be read from the table.
 */
export async function findRoomTimelines(
  parts: TimelineParts,
  plans: readonly RoomPlan[],
  reader: TimelineReader,
): Promise<Timeline[]> {
  const found: Timeline[] = [];
  const others: RoomPlan[] = [];
  for (const plan of plans) {
    if (
      plan.memberships !== undefined ||
      plan.isProvisional ||
      plan.isCompleted ||
      !parts.stream.reachesBackTo(plan.after)
    ) {
      others.push(plan);
      continue;
    }
    const facts = parts.stream.roomFactsSince(plan.roomNid, plan.after);
    if (facts.length > 0 || plan.full) found.push(timelineOfRing(parts.stream, plan, facts, reader));
  }
  if (others.length > 0) found.push(...(await timelinesOfTable(parts, others, reader)));
  return found;
}

function timelineOfRing(
  stream: EventStream,
  plan: RoomPlan,
  sinceFacts: readonly EventFact[],
  reader: TimelineReader,
): Timeline {
  // What was committed while this sync asked the database belongs to the next one.
  const isWithin = (sinceFacts.at(-1)?.pos ?? 0) <= plan.upTo;
  const facts = isWithin ? sinceFacts : sinceFacts.filter((fact) => fact.pos <= plan.upTo);
  const { timeline } = reader.filter;
  const wanted = wantedOf(facts, plan, reader, (eventNid) => stream.isRedacted(eventNid));
  const start = Math.max(0, wanted.length - timeline.limit);
  const items = wanted.slice(start).map((fact) => ({
    pos: fact.pos,
    eventNid: fact.eventNid,
    type: fact.type,
    stateKey: fact.stateKey,
    sender: fact.sender,
    roomOrder: fact.roomOrder,
    stateBefore: fact.stateBefore,
    // Only rooms in which the reader has been joined all the time are read from the ring.
    membership: 'join',
    replacesNid: fact.replacesNid,
    fork: fact.fork,
    fact: stream.isRedacted(fact.eventNid) ? undefined : fact,
  }));
  const first = wanted[start]?.pos ?? 0;
  const forks = facts.flatMap((fact) =>
    fact.fork !== undefined && fact.pos >= first ? [{ ...fact.fork, pos: fact.pos, roomOrder: fact.roomOrder }] : [],
  );
  const startOrder = wanted[start]?.roomOrder ?? orderAfter(facts.at(-1)?.roomOrder);
  return { plan, items, limited: start > 0, startOrder, facts, forks };
}

function wantedOf(
  facts: readonly EventFact[],
  plan: RoomPlan,
  { filter: { timeline }, ignored }: TimelineReader,
  isRedacted: (eventNid: number) => boolean,
): readonly EventFact[] {
  if (!timeline.hasRoom(plan.roomId)) return [];
  const heard = ignored.size === 0 ? facts : facts.filter((fact) => !isUnheard(fact, ignored));
  if (timeline.isOpen) return heard;
  const { containsUrl } = timeline;
  return heard.filter(
    (fact) =>
      timeline.matches(fact.type, fact.sender) &&
      (containsUrl === undefined || containsUrl === (!isRedacted(fact.eventNid) && hasUrl(`${fact.stem}}`))),
  );
}

function orderAfter(order: number | undefined): number | undefined {
  return order === undefined ? undefined : order + 1;
}

async function timelinesOfTable(
  { database, tries }: TimelineParts,
  plans: readonly RoomPlan[],
  { userId, filter, ignored }: TimelineReader,
): Promise<Timeline[]> {
  const { timeline } = filter;
  const windows = plans.filter((plan) => timeline.hasRoom(plan.roomId));
  const rows = await findTimelines(database, windows, timeline.limit + 1, {
    ...timeline.condition,
    ignored: [...ignored],
  });
  const lone = await findOutOfBandEvents(database, ownEventsOf(windows));
  const told = lone.filter((row) => timeline.limit > 0 && timeline.matches(row.type, row.sender));
  const byRoom = Map.groupBy([...rows, ...told], (row) => row.room_nid);
  const forksOf = await forksByRoom(database, plans, byRoom);
  return Promise.all(
    plans.map(async (plan) => {
      const all = byRoom.get(plan.roomNid) ?? [];
      const newest = timeline.limit === 0 ? [] : all.slice(-timeline.limit);
      const visible = newestVisible(newest, plan, userId);
      const forks = forksOf.get(plan.roomNid) ?? [];
      const forkAt = new Map(forks.map((fork) => [fork.pos, fork]));
      const membershipOf = membershipOfPlan(plan);
      const items = await Promise.all(
        visible.map(async (row) => ({
          ...(await itemOf(database, tries, row, forkAt.get(row.pos))),
          membership: membershipOf(row.pos),
        })),
      );
      const first = visible[0]?.pos ?? Infinity;
      const startOrder = visible[0]?.room_order ?? orderAfter(all.at(-1)?.room_order);
      const limited = plan.hasGap || (!plan.ownEventOnly && visible.length < all.length);
      return { plan, items, limited, startOrder, facts: undefined, forks: forks.filter(({ pos }) => pos >= first) };
    }),
  );
}

/** Of rooms that the reader never was in, the event that ended the invite or the knock. */
function ownEventsOf(plans: readonly RoomPlan[]): number[] {
  return plans.flatMap(({ ownEventOnly, memberships = [], upTo }) => {
    const own = ownEventOnly ? memberships.findLast(({ pos }) => pos === upTo)?.event_nid : undefined;
    return own ?? [];
  });
}

async function forksByRoom(
  database: ReadTx,
  plans: readonly RoomPlan[],
  rowsOf: ReadonlyMap<number, readonly TimelineRow[]>,
): Promise<ReadonlyMap<number, readonly PlacedFork[]>> {
  const windows = plans.flatMap(({ roomNid, upTo }) => {
    const [first] = rowsOf.get(roomNid) ?? [];
    return first === undefined ? [] : [{ roomNid, after: first.pos - 1, upTo }];
  });
  const found = new Map<number, PlacedFork[]>();
  for (const row of await findForks(database, windows)) {
    const forks = found.get(row.room_nid);
    const { pos, root_before: rootBefore, root_after: rootAfter, room_order: roomOrder, has_gap: hasGapBefore } = row;
    const fork = { pos, rootBefore, rootAfter, roomOrder, hasGapBefore };
    if (forks === undefined) found.set(row.room_nid, [fork]);
    else forks.push(fork);
  }
  return found;
}

async function itemOf(
  database: ReadTx,
  tries: StateTries,
  row: TimelineRow,
  fork: StateFork | undefined,
): Promise<Omit<TimelineItem, 'membership'>> {
  const isReplacing = row.key_nid !== null && row.state_before !== 0;
  return {
    pos: row.pos,
    eventNid: row.event_nid,
    type: row.type,
    stateKey: row.state_key ?? undefined,
    sender: row.sender,
    roomOrder: row.room_order,
    stateBefore: row.state_before,
    replacesNid: isReplacing ? await tries.find(database, row.room_nid, row.state_before, row.key_nid) : undefined,
    fork,
    fact: undefined,
  };
}

const visibilities: readonly HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined'];
const membershipNames = new Map<number, string>(Object.entries(membershipCodes).map(([name, code]) => [code, name]));

/** The newest events up to the first that the user may not see: a timeline has no holes. */
function newestVisible(rows: readonly TimelineRow[], plan: RoomPlan, userId: string): readonly TimelineRow[] {
  const { memberships } = plan;
  if (memberships === undefined) return rows;
  const isOwn = (row: TimelineRow): boolean => row.type === 'm.room.member' && row.state_key === userId;
  const isVisible = (row: TimelineRow): boolean => {
    // Whoever is affected by a membership event is told of it; otherwise nobody could learn that they were banned.
    if (plan.ownEventOnly) return isOwn(row);
    const before = memberships.findLast((change) => change.pos < row.pos);
    const own = isOwn(row) ? memberships.find((change) => change.pos === row.pos) : undefined;
    const after = own && membershipNames.get(own.membership);
    return isEventVisible({
      visibility: visibilities[row.history_visibility] ?? 'joined',
      membership: membershipNames.get(before?.membership ?? 0),
      ...(after !== undefined && { membershipAfter: after }),
      joinedLater: memberships.some((change) => change.pos > row.pos && change.membership === membershipCodes.join),
    });
  };
  return rows.slice(rows.findLastIndex((row) => !isVisible(row)) + 1);
}

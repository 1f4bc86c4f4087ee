/** Owns the state sections of a sync: which state events a room's section has besides its timeline. */
import { joinedKey } from '#matrix/joined-key.ts';
import { findCitedMembers } from '#rooms/cited-members.ts';
import { heroesFor } from '#rooms/heroes.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { ReadTx } from '#storage/database.ts';
import {
  findChangedKeys,
  findMemberKeyNids,
  findStateEventKeys,
  type RoomSummary,
} from '#storage/streams/find-sync-state.ts';
import { findSpans, type Span } from '#sync/state-spans.ts';
import { ToldMembers } from '#sync/told-members.ts';
import type { SyncFilter } from '#sync/sync-filter.ts';
import type { Timeline, TimelineItem } from '#sync/timelines.ts';

type Parts = { readonly database: ReadTx; readonly tries: StateTries };

export type StateRequest = {
  readonly userId: string;
  readonly userNid: number;
  readonly filter: SyncFilter;
  /** The state at the end of the timeline instead of at its start. */
  readonly useStateAfter: boolean;
  readonly summaries: ReadonlyMap<number, RoomSummary>;
  readonly deviceNid: number;
  /** Event positions between which the sync tells; `since` is undefined in an initial sync. */
  readonly since: number | undefined;
  readonly horizon: number;
};

const noNids: readonly number[] = [];

/** For each timeline, in its order, the nids of its state events. Specification: Client-Server API, "Syncing". */
export async function findRoomStates(
  parts: Parts,
  timelines: readonly Timeline[],
  request: StateRequest,
): Promise<readonly (readonly number[])[]> {
  const spans = await findSpans(parts.database, timelines, request.useStateAfter);
  const completed = timelines.flatMap(({ plan }) => (plan.isCompleted && !plan.full ? [plan.roomNid] : []));
  const changedKeys = await findChangedKeys(parts.database, request.userNid, completed);
  const nids = await Promise.all(
    timelines.map(async ({ plan, items }, index) => {
      const span = spans[index];
      if (!request.filter.state.hasRoom(plan.roomId)) return noNids;
      if (span === undefined) return request.useStateAfter ? ownMembership(plan) : noNids;
      const changed = await nidsOf(parts, plan.roomNid, span);
      const corrected = await findEntries(parts, plan.roomNid, span.after, changedKeys.get(plan.roomNid));
      const nids = corrected.length === 0 ? changed : [...new Set([...changed, ...corrected])];
      if (span.end === undefined || span.end === span.after) return nids;
      return withResolved(parts, plan.roomNid, nids, { start: span.after, end: span.end, items });
    }),
  );
  const { state } = request.filter;
  if (state.isOpen && !state.lazyLoadMembers) return nids;
  return select(parts, timelines, spans, nids, request);
}

/** The events under some keys of a state: what stands there now, of which something else was told before. */
async function findEntries(
  { database, tries }: Parts,
  roomNid: number,
  root: number,
  keyNids: readonly number[] = [],
): Promise<readonly number[]> {
  const nids = await tries.findEach(database, roomNid, root, keyNids);
  return nids.filter((nid) => nid !== undefined);
}

/** The membership that ended an invitation or a knock, which is all that the user may know of the room. */
function ownMembership({ memberships = [], upTo }: Timeline['plan']): readonly number[] {
  return memberships.flatMap((row) => (row.pos === upTo && row.event_nid !== null ? [row.event_nid] : []));
}

async function nidsOf({ database, tries }: Parts, roomNid: number, span: Span): Promise<readonly number[]> {
  const own = span.last === undefined ? noNids : [span.last.eventNid];
  if (span.isWhole) {
    const entries = await tries.entries(database, roomNid, span.after);
    const nids = entries.map(([, eventNid]) => eventNid);
    return [...nids.filter((nid) => nid !== span.last?.replacesNid), ...own];
  }
  if (span.before === span.after) return own;
  const changes = await tries.diff(database, roomNid, span.before, span.after);
  const nids = changes.flatMap(({ after }) => after ?? []);
  return [...nids.filter((nid) => nid !== span.last?.replacesNid), ...own];
}

/**
 * Adds what a state resolution made part of the state within the timeline: the client hears of it nowhere else.
 * Specification: Server-Server API, "Soft failure"; Client-Server API, "Syncing".
 */
async function withResolved(
  { database, tries }: Parts,
  roomNid: number,
  nids: readonly number[],
  span: { readonly start: number; readonly end: number; readonly items: readonly TimelineItem[] },
): Promise<readonly number[]> {
  const told = new Set(span.items.map(({ eventNid }) => eventNid));
  const shown = new Set(nids);
  for (const { before, after } of await tries.diff(database, roomNid, span.start, span.end)) {
    if (after !== undefined && told.has(after)) continue;
    // What was taken out of the state cannot be told, but need not be told as standing either.
    if (before !== undefined) shown.delete(before);
    if (after !== undefined) shown.add(after);
  }
  return [...shown];
}

/** Applies the filter: types and senders, and of members only those whom the client needs. */
async function select(
  parts: Parts,
  timelines: readonly Timeline[],
  spans: readonly (Span | undefined)[],
  nids: readonly (readonly number[])[],
  request: StateRequest,
): Promise<readonly (readonly number[])[]> {
  const { state } = request.filter;
  toldMembers.hear(request);
  const needed = state.lazyLoadMembers ? timelines.map((timeline) => neededMembers(timeline, request)) : [];
  const found = await findMembers(parts, timelines, spans, needed);
  const cited = state.lazyLoadMembers ? await findCited(parts, timelines, spans) : [];
  const lazy = timelines.map((_, index) => [...(found[index] ?? noNids), ...(cited[index] ?? noNids)]);
  const keys = await findStateEventKeys(parts.database, [...nids.flat(), ...lazy.flat()]);
  const changes = state.lazyLoadMembers ? await findChanges(parts, timelines, spans) : [];
  const keyOf = new Map(keys.map((row) => [row.event_nid, row]));
  const nameOf = (nid: number): string | undefined => {
    const key = keyOf.get(nid);
    return key && joinedKey(key.type, key.state_key);
  };
  const selected = timelines.map(({ plan }, index) => {
    const changed = nids[index] ?? noNids;
    // A change, such as the departure that ends the room for the reader, is newer than what the members are looked up in.
    const told = new Set(changed.map(nameOf));
    const isKnown = (nid: number): boolean =>
      !state.includeRedundantMembers && toldMembers.has(request, plan.roomNid, nid);
    const added = (lazy[index] ?? noNids).filter((nid) => !told.has(nameOf(nid)) && !isKnown(nid));
    return [...changed, ...added].filter((nid) => {
      const key = keyOf.get(nid);
      if (key === undefined || !state.matches(key.type, key.sender)) return false;
      const isWanted = !state.lazyLoadMembers || !plan.full || key.type !== 'm.room.member';
      return isWanted || needed[index]?.has(key.state_key) === true || changes[index]?.has(nid) === true;
    });
  });
  if (state.lazyLoadMembers) {
    for (const [index, { plan, items }] of timelines.entries()) {
      const members = (selected[index] ?? noNids).filter((nid) => keyOf.get(nid)?.type === 'm.room.member');
      const shown = items.filter(({ type, stateKey }) => type === 'm.room.member' && stateKey !== undefined);
      const all = [...members, ...shown.map(({ eventNid }) => eventNid)];
      toldMembers.add(request, plan.roomNid, all, plan.full);
    }
  }
  return selected;
}

/** Of rooms whose members are not all known, those of the senders whom the state lacks. */
async function findCited(
  { database, tries }: Parts,
  timelines: readonly Timeline[],
  spans: readonly (Span | undefined)[],
): Promise<readonly (readonly number[])[]> {
  return Promise.all(
    timelines.map(async ({ plan: { isProvisional, roomNid }, items }, index) => {
      const span = spans[index];
      if (!isProvisional || span === undefined) return noNids;
      const keyNids = await findMemberKeyNids(database, [...new Set(items.map(({ sender }) => sender))]);
      const present = await tries.findEach(database, roomNid, span.after, [...keyNids.values()]);
      const known = new Set([...keyNids.keys()].filter((_, index) => present[index] !== undefined));
      const unknown = items.filter(({ sender }) => !known.has(sender));
      const shown = new Set(items.map(({ eventNid }) => eventNid));
      return [...(await findCitedMembers(database, roomNid, unknown)).values()].filter((nid) => !shown.has(nid));
    }),
  );
}

/** What changed in the gap before a timeline: all members among it are told, for the client might hold older ones. */
async function findChanges(
  { database, tries }: Parts,
  timelines: readonly Timeline[],
  spans: readonly (Span | undefined)[],
): Promise<readonly ReadonlySet<number>[]> {
  return Promise.all(
    timelines.map(async ({ plan }, index) => {
      const span = spans[index];
      // Where only changes are told they are told anyway, and to whom a room is new nothing of it has changed.
      if (span === undefined || !span.isWhole || span.before === 0) return new Set<number>();
      const ends = new Set([span.after, span.end ?? span.after]);
      const { before } = span;
      const changes = await Promise.all([...ends].map((end) => tries.diff(database, plan.roomNid, before, end)));
      return new Set(changes.flat().flatMap(({ after }) => after ?? []));
    }),
  );
}

/** Of this process: in another one a client is told some members once more. */
const toldMembers = new ToldMembers();

/** Senders of the timeline, and the heroes where a summary is told; in a room that is told whole also the reader. */
function neededMembers({ plan, items }: Timeline, { userId, summaries }: StateRequest): ReadonlySet<string> {
  const users = new Set(items.map((item) => item.sender));
  if (plan.full) users.add(userId);
  const summary = summaries.get(plan.roomNid);
  if (summary !== undefined) for (const hero of heroesFor(userId, summary)) users.add(hero);
  return users;
}

/** The member events of the needed users in rooms of which the client gets differences only. */
async function findMembers(
  { database, tries }: Parts,
  timelines: readonly Timeline[],
  spans: readonly (Span | undefined)[],
  needed: readonly ReadonlySet<string>[],
): Promise<readonly (readonly number[])[]> {
  const users = new Set(timelines.flatMap(({ plan }, index) => (plan.full ? [] : [...(needed[index] ?? [])])));
  const keyNids = await findMemberKeyNids(database, [...users]);
  return Promise.all(
    timelines.map(async ({ plan }, index) => {
      const span = spans[index];
      if (plan.full || span === undefined) return noNids;
      const own = [...(needed[index] ?? [])].map((user) => keyNids.get(user)).filter((nid) => nid !== undefined);
      const found = await tries.findEach(database, plan.roomNid, span.after, own);
      return found.filter((nid) => nid !== undefined);
    }),
  );
}

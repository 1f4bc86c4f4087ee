/** Owns entering another server's room with all of its state, or without its members, and completing it, without HTTP. */
import assert from 'node:assert/strict';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { buildToldState, findToldEntries } from '#rooms/persist/told-entries.ts';
import { RoomCompletion, type CompletionOutcome } from '#rooms/partial/complete-room.ts';
import type { Lacking } from '#rooms/partial/whole-states.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { findAllPartialRooms } from '#storage/rooms/partial-rooms.ts';
import { openStreams } from '#streams/streams.ts';
import type { ForeignRoom } from '#test/rooms/foreign-room.ts';
import type { Parts } from '#test/rooms/room-checks.ts';

/** These events and all that they cite, one by way of the other. */
export function withChains(room: ForeignRoom, ids: Iterable<string>): string[] {
  const found = new Set<string>();
  const open = [...ids];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    const { auth_events: cited } = room.require(id).pdu.pdu;
    open.push(...cited.map((reference) => (typeof reference === 'string' ? reference : reference[0])));
  }
  return [...found];
}

export async function takeIn(parts: Parts, room: ForeignRoom, ids: Iterable<string>): Promise<void> {
  const { roomId, version } = room;
  const events = withChains(room, ids).map((id) => room.require(id).pdu);
  await persistOutliers(parts, { roomId, version, events });
}

/** Enters by the join; `isKept` says which members are told, all of them where it is missing. */
export async function enterBy(
  parts: Parts,
  room: ForeignRoom,
  joinId: string,
  isKept?: (userId: string) => boolean,
): Promise<void> {
  const { pdu, prevIds, stateBefore } = room.require(joinId);
  const isTold = (id: string): boolean => {
    const { type, state_key: userId = '' } = room.require(id).pdu.pdu;
    return isKept === undefined || type !== 'm.room.member' || isKept(userId);
  };
  const state = [...stateBefore.values()].filter(isTold);
  const cited = withChains(room, [joinId]).filter((id) => id !== joinId);
  await takeIn(parts, room, [...state, ...cited]);
  const states = new Map(prevIds.map((id) => [id, state]));
  const omitted = { resident: 'far.test', servers: ['far.test', 'else.test'] };
  const { statuses } = await parts.persistEvents({
    room: { roomId: room.roomId },
    events: [{ sealed: pdu, states, entersRoom: true, ...(isKept !== undefined && { omitted }) }],
  });
  assert.deepEqual(statuses, ['accepted']);
}

/** Hands events in; what they cite is fetched. Gives those whose predecessors have not come. */
export async function feedIn(parts: Parts, room: ForeignRoom, ids: readonly string[]): Promise<string[]> {
  let waiting = [...ids];
  for (let isProgress = true; isProgress && waiting.length > 0;) {
    const missing: string[] = [];
    for (const id of waiting) if (!(await isPersisted(parts, room, id))) missing.push(id);
    isProgress = missing.length < waiting.length;
    waiting = missing;
  }
  return waiting;
}

async function isPersisted(parts: Parts, room: ForeignRoom, id: string): Promise<boolean> {
  const request = { room: { roomId: room.roomId }, events: [{ sealed: room.require(id).pdu }] };
  try {
    await parts.persistEvents(request);
    return true;
  } catch (error) {
    if (!(error instanceof MissingEventsError)) throw error;
  }
  const cited = withChains(room, [id]).filter((each) => each !== id);
  const places = await findEventPlaces(parts.database, cited);
  await takeIn(
    parts,
    room,
    cited.filter((each) => (places.get(each)?.status ?? 'missing') === 'missing'),
  );
  try {
    await parts.persistEvents(request);
    return true;
  } catch (error) {
    if (error instanceof MissingEventsError) return false;
    throw error;
  }
}

/**
 * Completes the only room that lacks members, with what the room itself says. `projections` instead of those of the parts, by
 * which it can be made to fail.
 */
export async function completeAll(
  parts: Parts,
  room: ForeignRoom,
  projections: Parts['projections'] = parts.projections,
): Promise<CompletionOutcome> {
  const [partial] = await findAllPartialRooms(parts.database, 2);
  if (partial === undefined) return 'gone';
  const { database, tries, clock, logger } = parts;
  await using streams = await openStreams({ database, tries, clock, logger });
  const completion = new RoomCompletion({ ...parts, streams, projections }, { ...partial, version: room.version });
  const tell = async ({ eventId, eventNid }: Lacking): Promise<void> => {
    const state = [...room.require(eventId).stateBefore.values()];
    await takeIn(parts, room, state);
    const told = await findToldEntries(parts.database, partial.roomNid, state);
    const base = { roomNid: partial.roomNid, root: 0, entries: [] };
    completion.states.tell(eventNid, await completion.states.write(await buildToldState(parts, base, told)));
  };
  for (const lacking of await completion.states.advance()) await tell(lacking);
  return await completion.complete();
}

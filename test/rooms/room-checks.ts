/** Owns handing another server's events in, and looking at what became of the room. */
import assert from 'node:assert/strict';
import type { PersistResult } from '#rooms/persist-request.ts';
import { loadRoomView } from '#rooms/persist/room-view.ts';
import { findEventPlaces, findEventPlacesByNids, findKeysByNids } from '#storage/rooms/find-graph.ts';
import type { createRoomParts } from '#test/support/room-parts.ts';
import type { ForeignDraft, ForeignRoom } from '#test/rooms/foreign-room.ts';
import { joinedKey } from '#test/vectors/state-resolution/resolvable.ts';

export type Parts = Awaited<ReturnType<typeof createRoomParts>>;

export const topic = (sender: string, text: string): ForeignDraft => ({
  type: 'm.room.topic',
  sender,
  stateKey: '',
  content: { topic: text },
});
export const message = (sender: string, body: string): ForeignDraft => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body },
});

/** Takes the room's first events as they are. */
export async function importStart(parts: Parts, room: ForeignRoom, ids: readonly string[]): Promise<void> {
  const events = ids.map((id) => ({ sealed: room.require(id).pdu }));
  const { statuses } = await parts.persistEvents({ room: { create: room.version }, events });
  assert.ok(statuses.every((status) => status === 'accepted'));
}

export function persist(parts: Parts, room: ForeignRoom, eventId: string): Promise<PersistResult> {
  return parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed: room.require(eventId).pdu }] });
}

export async function statusOf(parts: Parts, room: ForeignRoom, eventId: string): Promise<string> {
  const { statuses } = await persist(parts, room, eventId);
  const found = (await findEventPlaces(parts.database, [eventId])).get(eventId)?.status;
  assert.equal(found, statuses[0]);
  return found ?? 'none';
}

/** The room's state now, by the keys of the oracle. */
export async function stateOf(parts: Parts, roomId: string): Promise<Map<string, string>> {
  const view = await loadRoomView(parts.database, roomId);
  assert.ok(view);
  const entries = await parts.tries.entries(parts.database, view.roomNid, view.head.root);
  const keys = await findKeysByNids(
    parts.database,
    entries.map(([keyNid]) => keyNid),
  );
  const places = await findEventPlacesByNids(
    parts.database,
    entries.map(([, eventNid]) => eventNid),
  );
  const ids = new Map(places.map(({ eventNid, eventId }) => [eventNid, eventId]));
  const state = entries.map(([keyNid, eventNid]): [string, string] => {
    const [type = '', stateKey = ''] = keys.get(keyNid) ?? [];
    return [joinedKey(type, stateKey), ids.get(eventNid) ?? ''];
  });
  return new Map(state.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

export async function extremitiesOf(parts: Parts, roomId: string): Promise<string[]> {
  const view = await loadRoomView(parts.database, roomId);
  return (view?.head.extremities ?? []).map(({ id }) => id).toSorted();
}

export const sorted = (state: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...state].toSorted(([left], [right]) => (left < right ? -1 : 1)));

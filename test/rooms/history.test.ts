/** Proves how history that is fetched later is kept: in its place, and new to nobody. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { membershipBy } from '#rooms/event-membership.ts';
import { isVisibleTo } from '#rooms/event-visibility.ts';
import { loadRoomView } from '#rooms/persist/room-view.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { findEventById, findRoomTimeline } from '#storage/rooms/find-events.ts';
import { statement } from '#storage/database.ts';
import { creator, ForeignRoom, friend, membership } from '#test/rooms/foreign-room.ts';
import { message, statusOf, topic, type Parts } from '#test/rooms/room-checks.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const reader = '@reader:hs1.test';
const selectCounts = statement<{
  event_id: string;
  pos: number | null;
  notify_seq: number | null;
  notify_step: number;
}>(
  'test_select_counts',
  'select event_id, pos, notify_seq, notify_step from events where event_id = any($1::text[]) order by room_order',
);

let parts: Parts;
const stack = new AsyncDisposableStack();
before(async () => {
  const on = stack.use(await createMigratedDatabase());
  parts = stack.use(await createRoomParts(on));
});
after(() => stack.disposeAsync());

/** A room whose history is elsewhere: here are its state and the join of a user of this server. */
async function joinedRoom(name: string) {
  const room = new ForeignRoom('11', name);
  const start = room.start();
  const ids = [...start];
  const add = (draft: Parameters<ForeignRoom['add']>[0]): string => {
    ids.push(room.add(draft, ids.slice(-1)));
    return ids.at(-1) ?? '';
  };
  for (let at = 0; at < 6; at++) add(message(friend, `${name} ${at}`));
  const named = add(topic(creator, 'named'));
  const join = add(membership(reader, reader, 'join'));
  const state = [...room.require(join).stateBefore.values()];
  const events = state.map((id) => room.require(id).pdu);
  await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  const states = new Map([[named, state]]);
  const sealed = room.require(join).pdu;
  const { statuses } = await parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed, states }] });
  assert.deepEqual(statuses, ['accepted']);
  return { room, roomId: room.roomId, ids, join, named };
}

async function orderOf(eventId: string): Promise<number> {
  const event = await findEventById(parts.database, eventId);
  assert.ok(event);
  return event.roomOrder;
}

async function fill(room: ForeignRoom, ids: readonly string[], below: string): Promise<void> {
  const order = await orderOf(below);
  for (const [at, id] of ids.entries()) {
    const { pdu, stateBefore, prevIds } = room.require(id);
    const states = new Map(prevIds.map((prev) => [prev, [...stateBefore.values()]]));
    const sealed = { sealed: pdu, before: order - (ids.length - 1 - at), ...(at === 0 && { states }) };
    const { statuses } = await parts.persistEvents({ room: { roomId: room.roomId }, events: [sealed] });
    assert.deepEqual(statuses, ['accepted'], id);
  }
}

describe('history that is fetched later', () => {
  test('stands below what follows it, in its order, and is new to nobody', async () => {
    const { room, roomId, ids, join } = await joinedRoom('below');
    const view = await loadRoomView(parts.database, roomId);
    assert.ok(view);
    const facts = parts.facts.length;
    const [near, far] = [ids.slice(-5, -1), ids.slice(-8, -5)];
    await fill(room, near, join);
    await fill(room, far, near[0] ?? '');

    const timeline = await findRoomTimeline(parts.database, view.roomNid, { direction: 'f', limit: 20 });
    assert.deepEqual(
      timeline.map(({ eventId }) => eventId),
      [...far, ...near, join],
    );
    const rows = await parts.database.query(selectCounts, [[...far, ...near]]);
    assert.deepEqual(
      rows.map(({ pos, notify_seq, notify_step }) => [pos, notify_seq, notify_step]),
      rows.map(() => [null, null, 0]),
    );
    assert.equal(parts.facts.length, facts, 'no stream is told');
    const after = await loadRoomView(parts.database, roomId);
    assert.deepEqual(after?.head.extremities, view.head.extremities);
    assert.equal(after?.head.root, view.head.root);
    assert.equal(after?.head.lastOrder, view.head.lastOrder);
    const next = room.add(message(friend, 'goes on'), [join]);
    assert.equal(await statusOf(parts, room, next), 'accepted');
  });

  test('has the state that it had where it stood', async () => {
    const { room, ids, join, named } = await joinedRoom('state');
    await fill(room, ids.slice(-4, -1), join);
    const event = await findEventById(parts.database, named);
    assert.ok(event?.stateBefore !== undefined);
    const entries = await parts.tries.entries(parts.database, event.roomNid, event.stateBefore);
    assert.equal(entries.length, room.require(named).stateBefore.size);
  });

  test('a member sees what was shared from before the join, and not what only members were to see', async () => {
    const { room, ids, join } = await joinedRoom('seen');
    await fill(room, ids.slice(-3, -1), join);
    const event = await findEventById(parts.database, ids.at(-2) ?? '');
    const joined = await findEventById(parts.database, join);
    assert.ok(event?.pos === undefined && event !== undefined && joined?.pos !== undefined);
    const changes = [{ pos: joined.pos, membership: 2, was: 0, roomOrder: joined.roomOrder }];
    const seen = (historyVisibility: number, own = changes): boolean =>
      isVisibleTo({ ...event, historyVisibility }, reader, own, { room });
    assert.ok(seen(1));
    assert.ok(!seen(3));
    assert.equal(membershipBy(changes)(event.pos), 'leave');
    // Who was there before the gap was there in it, too.
    const earlier = [{ pos: joined.pos, membership: 2, was: 0, roomOrder: event.roomOrder - 1 }];
    assert.ok(seen(3, earlier));
    const left = [...earlier, { pos: joined.pos, membership: 3, was: 2, roomOrder: event.roomOrder - 0.5 }];
    assert.ok(!seen(1, left), 'who had left by then and has not come back');
  });
});

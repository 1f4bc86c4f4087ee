/** Proves that events without their place are kept, and that a room is entered by the state that another server tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventIdsOf } from '#matrix/pdu.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { statement } from '#storage/database.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { creator, ForeignRoom, friend, guest, membership } from '#test/rooms/foreign-room.ts';
import { extremitiesOf, message, sorted, stateOf, statusOf, topic } from '#test/rooms/room-checks.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const selectSummary = statement<unknown>(
  'test_select_summary',
  'select topic, join_rule, joined_count, invited_count from room_summary where room_nid = $1',
);

test('a room is entered by the state that another server tells: outliers first, then the event that follows it', async () => {
  for (const version of ['11', '12']) {
    await using on = await createMigratedDatabase();
    await using parts = await createRoomParts(on);
    const room = new ForeignRoom(version);
    const start = room.start();
    const named = room.add(topic(creator, 'named'), start.slice(-1));
    const unseen = room.add(message(friend, 'never seen here'), [named]);
    const entry = room.add(message(creator, 'come in'), [unseen]);
    const forged = room.add(topic(guest, 'not mine'), [named]);
    const events = [...start, named, forged].map((id) => room.require(id).pdu);
    // In the wrong order, and first without what the others need.
    const [create, ...others] = events;
    assert.ok(create);
    const outliers = { roomId: room.roomId, version: room.version };
    const alone = await persistOutliers(parts, { ...outliers, events: others });
    assert.deepEqual(new Set(alone.values()), new Set(['missing']));
    const told = await persistOutliers(parts, { ...outliers, events: events.toReversed() });
    assert.equal(told.get(forged), 'rejected_by_auth');
    assert.ok([...start, named].every((id) => told.get(id) === 'outlier'));

    const state = [...room.require(entry).stateBefore.values()];
    const sealed = { sealed: room.require(entry).pdu };
    const missing = parts.persistEvents({ room: { roomId: room.roomId }, events: [sealed] });
    await assert.rejects(missing, MissingEventsError);
    const states = new Map([[unseen, state]]);
    const entered = await parts.persistEvents({ room: { roomId: room.roomId }, events: [{ ...sealed, states }] });
    assert.deepEqual(entered.statuses, ['accepted']);
    assert.deepEqual(await stateOf(parts, room.roomId), sorted(room.require(entry).stateAfter));
    assert.equal((await findEventPlaces(parts.database, [unseen])).get(unseen)?.status, 'missing');
    assert.equal((await findEventPlaces(parts.database, [named])).get(named)?.status, 'outlier');
    assert.equal(parts.facts.length, 1);

    // It goes on like any other room, and an outlier that comes with its place is judged there.
    const next = room.add(topic(friend, 'next'), [entry]);
    assert.equal(await statusOf(parts, room, next), 'accepted');
    const [last = ''] = start.slice(-1);
    const before = room.require(last).prevIds[0] ?? '';
    const given = new Map([[before, [...room.require(last).stateBefore.values()]]]);
    const late = { sealed: room.require(last).pdu, states: given };
    const placed = await parts.persistEvents({ room: { roomId: room.roomId }, events: [late] });
    assert.deepEqual(placed.statuses, ['accepted']);
    assert.equal((await findEventPlaces(parts.database, [last])).get(last)?.status, 'accepted');
    assert.deepEqual(await stateOf(parts, room.roomId), sorted(room.require(next).stateAfter));
  }
});

test('a state event whose key no column can hold is left out, and the others are kept', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  const odd = room.add({ type: 'test.odd', sender: creator, stateKey: 'a\0b' }, start.slice(-1));
  const named = room.add(topic(creator, 'named'), [odd]);
  const events = [...start, odd, named].map((id) => room.require(id).pdu);
  const told = await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  assert.deepEqual([told.get(odd), told.get(named)], ['missing', 'outlier']);
});

test('events that two take in at once are written once, and cite each other', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  for (let attempt = 0; attempt < 5; attempt++) {
    const room = new ForeignRoom('11', `at once ${attempt}`);
    const events = room.start().map((id) => room.require(id).pdu);
    // Each brings what the other does not.
    const parted = [events.slice(0, -1), events.filter((_, index) => index !== events.length - 2)];
    const all = await Promise.all(
      parted.map((some) => persistOutliers(parts, { roomId: room.roomId, version: room.version, events: some })),
    );
    for (const told of all) assert.deepEqual(new Set(told.values()), new Set(['outlier']));
    const rows = await parts.database.query(selectCitedIds, [room.roomId]);
    const cited = new Map(rows.map((row) => [row.event_id, row.cited]));
    for (const { eventId, pdu } of events) {
      assert.deepEqual(cited.get(eventId) ?? [], eventIdsOf(pdu.auth_events).toSorted());
    }
  }
});

const selectCitedIds = statement<{ event_id: string; cited: string[] }>(
  'test_select_cited_ids',
  `select e.event_id, array_agg(c.event_id order by c.event_id) as cited
   from rooms r join events e using (room_nid) join event_auth a on a.event_nid = e.event_nid
     join events c on c.event_nid = a.auth_nid
   where r.room_id = $1 group by e.event_id`,
);

test('the summary of an entered room counts its members', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  const named = room.add(topic(creator, 'named'), start.slice(-1));
  const entry = room.add(message(creator, 'come in'), [named]);
  const events = [...start, named].map((id) => room.require(id).pdu);
  await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  const states = new Map([[named, [...room.require(entry).stateBefore.values()]]]);
  const sealed = { sealed: room.require(entry).pdu, states };
  await parts.persistEvents({ room: { roomId: room.roomId }, events: [sealed] });
  const [summary] = await parts.database.query(selectSummary, [parts.facts[0]?.roomNid]);
  assert.deepEqual(summary, { topic: 'named', join_rule: 'public', joined_count: 3, invited_count: 0 });
});

test('history that comes after what follows it has a place of its own, and changes neither the head nor the state', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  const named = room.add(topic(creator, 'named'), start.slice(-1));
  const kicked = room.add(membership(creator, guest, 'leave'), [named]);
  const history = [room.add(message(creator, 'first'), [named])];
  history.push(room.add(message(guest, 'second'), history.slice(-1)));
  const entry = room.add(message(creator, 'come in'), [...history.slice(-1), kicked]);
  const events = [...start, named, kicked].map((id) => room.require(id).pdu);
  await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  const stateAfter = (id: string): string[] => [...room.require(id).stateAfter.values()];
  const branches = new Map(room.require(entry).prevIds.map((id) => [id, stateAfter(id)]));
  const persistWith = async (id: string, states: ReadonlyMap<string, string[]>): Promise<unknown> =>
    (await parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed: room.require(id).pdu, states }] }))
      .statuses[0];
  assert.equal(await persistWith(entry, branches), 'accepted');
  const state = await stateOf(parts, room.roomId);
  const facts = parts.facts.length;
  // Backwards, as a backfill has it: the guest is out of the room by now, which a soft failure would ask for.
  const [first = '', second = ''] = history;
  assert.equal(await persistWith(second, new Map([[first, stateAfter(first)]])), 'accepted');
  assert.equal(await persistWith(first, new Map([[named, stateAfter(named)]])), 'accepted');
  assert.equal(parts.facts.length, facts);
  assert.deepEqual(await extremitiesOf(parts, room.roomId), [entry]);
  assert.deepEqual(await stateOf(parts, room.roomId), state);
  const rows = await parts.database.query(selectOrdered, [parts.facts[0]?.roomNid]);
  assert.deepEqual(
    rows.map(({ event_id: id, pos }) => [id, pos !== null]),
    [
      [first, false],
      [second, false],
      [entry, true],
    ],
  );
});

const selectOrdered = statement<{ event_id: string; pos: number | null }>(
  'test_select_ordered',
  'select event_id, pos from events where room_nid = $1 and room_order is not null order by room_order',
);

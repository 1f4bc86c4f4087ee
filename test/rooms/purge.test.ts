/** Proves that a room which is removed leaves nothing behind, wherever the removal is cut, and that no other room notices. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { MatrixError } from '#matrix/error.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { askForPurge } from '#rooms/purge/ask-for-purge.ts';
import { purgeSomeOfRoom, type PurgePayload } from '#rooms/purge/purge-room.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import type { Database, ReadTx } from '#storage/database.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import {
  countOfTables,
  eventsOfRoom,
  fillTables,
  once,
  requireStoredRoom,
  rowsOfEvents,
  rowsOfRoom,
  type Room,
} from '#test/rooms/rows-of-rooms.ts';

type Parts = Awaited<ReturnType<typeof createRoomParts>>;

const alice = '@alice:hs1.test';
const bob = '@bob:hs1.test';

/** The large one is 100,000 events: set it by hand, and read what the test says of the time. */
const EVENTS = Number(process.env['CAUSEWAY_TEST_PURGE_EVENTS'] ?? 2_500);

const message = (body: string): DraftEvent => ({
  sender: alice,
  type: 'm.room.message',
  content: { msgtype: 'm.text', body },
});
const member = (userId: string, membership: string, sender = userId): DraftEvent => ({
  sender,
  type: 'm.room.member',
  state_key: userId,
  content: { membership },
});

async function createRoom(parts: Parts): Promise<Room> {
  const version = findRoomVersion('12');
  assert.ok(version);
  const { roomId } = await parts.persistEvents({
    room: { create: version },
    events: [
      { sender: alice, type: 'm.room.create', state_key: '', content: { room_version: '12' } },
      member(alice, 'join'),
      { sender: alice, type: 'm.room.join_rules', state_key: '', content: { join_rule: 'public' } },
      member(bob, 'join'),
    ],
  });
  return requireStoredRoom(parts.database, roomId);
}

async function say(parts: Parts, { roomId }: Room, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 200) {
    const events = Array.from({ length: Math.min(200, count - sent) }, (_, index) => message(`${sent + index}`));
    await parts.persistEvents({ room: { roomId }, events });
  }
}

async function leaveAll(parts: Parts, { roomId }: Room): Promise<void> {
  await parts.persistEvents({ room: { roomId }, events: [member(alice, 'leave'), member(bob, 'leave')] });
}

/** Does all steps, without the pauses between them. */
async function purge(parts: Parts, payload: PurgePayload): Promise<number[]> {
  const pauses: number[] = [];
  let next: PurgePayload | undefined = payload;
  for (let steps = 0; next !== undefined; steps++) {
    assert.ok(steps < 10_000, 'a purge ends');
    const step = await purgeSomeOfRoom(parts, next);
    if (step !== undefined && step.pauseMs > 0) pauses.push(step.pauseMs);
    next = step?.payload;
  }
  return pauses;
}

async function assertGone(database: Database, room: Room, eventNids: readonly number[]): Promise<void> {
  for (const [table, rows] of await rowsOfRoom(database, room)) assert.equal(rows.length, 0, table);
  for (const [column, count] of await rowsOfEvents(database, eventNids)) assert.equal(count, 0, column);
}

test('a purged room has no row in any table, no table has grown, and other rooms are as they were', async (t: TestContext) => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const { database } = parts;
  const room = await createRoom(parts);
  const other = await createRoom(parts);
  await say(parts, room, EVENTS);
  await say(parts, other, 20);
  await leaveAll(parts, room);
  for (const each of [room, other]) {
    await fillTables(database, each);
    const [eventNid] = await eventsOfRoom(database, each);
    await database.query(once<never>(`insert into event_destinations values ($1, '{far.test}')`), [eventNid]);
  }
  const eventNids = await eventsOfRoom(database, room);
  const before = await countOfTables(database);
  const others = [await rowsOfRoom(database, other), await rowsOfEvents(database, await eventsOfRoom(database, other))];
  for (const [table, rows] of await rowsOfRoom(database, room)) assert.ok(rows.length > 0, `${table} is tried`);

  const startedAt = performance.now();
  await purge(parts, { roomId: room.roomId, isForced: false });
  t.diagnostic(`${EVENTS} events were purged in ${Math.round(performance.now() - startedAt)} ms`);

  await assertGone(database, room, eventNids);
  for (const [table, count] of await countOfTables(database)) assert.ok(count <= (before.get(table) ?? 0), table);
  const now = [await rowsOfRoom(database, other), await rowsOfEvents(database, await eventsOfRoom(database, other))];
  assert.deepEqual(now, others);
  await parts.persistEvents({ room: { roomId: other.roomId }, events: [message('still here')] });
});

class Cut extends Error {}

/** Lets through so many statements, and then fails as if the process had died: what is not committed is rolled back. */
function cutAfter(database: Database, count: number): Database {
  let left = count;
  const counted = <Reader extends ReadTx>(reader: Reader): Reader => ({
    ...reader,
    query: (statement, values) => {
      if (left === 0) throw new Cut();
      left--;
      return reader.query(statement, values);
    },
  });
  return { ...counted(database), transaction: (run) => database.transaction((tx) => run(counted(tx))) };
}

test('a purge that is cut at every single statement comes to the same end', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const { database } = parts;
  const [room, other] = [await createRoom(parts), await createRoom(parts)];
  await say(parts, room, 2_200);
  await leaveAll(parts, room);
  await fillTables(database, room);
  await fillTables(database, other);
  const eventNids = await eventsOfRoom(database, room);
  const others = await rowsOfRoom(database, other);
  let cuts = 0;
  let payload: PurgePayload | undefined = { roomId: room.roomId, isForced: false };
  for (let statements = 0; payload !== undefined; statements++) {
    try {
      const step = await purgeSomeOfRoom({ ...parts, database: cutAfter(database, statements) }, payload);
      // What is kept of it between two steps is text.
      payload = step && JSON.parse(JSON.stringify(step.payload));
      statements = -1;
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      cuts++;
    }
  }
  assert.ok(cuts > 50, `${cuts} cuts`);
  await assertGone(database, room, eventNids);
  assert.deepEqual(await rowsOfRoom(database, other), others);
});

test('once it is closed nobody writes a room that is being purged, in whatever process', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  await using elsewhere = await createRoomParts(on);
  const room = await createRoom(parts);
  const at = { room: { roomId: room.roomId } };
  // Both processes know the room's head, and believe in it.
  await elsewhere.persistEvents({ ...at, events: [message('elsewhere')] });
  const first = await purgeSomeOfRoom(parts, { roomId: room.roomId, isForced: true, place: { stage: 'closing' } });
  assert.ok(first !== undefined && first.pauseMs > 0, 'what is under way is given time');
  const isNotFound = (error: unknown): boolean => error instanceof MatrixError && error.errcode === 'M_NOT_FOUND';
  const assertClosed = async (): Promise<void> => {
    for (const writer of [parts, elsewhere]) {
      await assert.rejects(writer.persistEvents({ ...at, events: [message('late')] }), isNotFound);
      await assert.rejects(writer.persistEvents({ ...at, events: [member(bob, 'leave')] }), isNotFound);
    }
  };
  await assertClosed();
  await purge(parts, first.payload);
  await assertClosed();
  await assertGone(parts.database, room, []);
});

test('a room stays while a user of this server is in it, unless the purge is forced', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = await createRoom(parts);
  const asked = { roomId: room.roomId, isForced: false };
  await assert.rejects(askForPurge(parts, asked), /Users of this server are in the room/);
  await assert.rejects(askForPurge(parts, { ...asked, roomId: '!nowhere:hs1.test' }), /does not know the room/);
  // Somebody has come back since it was asked for.
  assert.deepEqual(await purge(parts, asked), []);
  await parts.persistEvents({ room: { roomId: room.roomId }, events: [message('still here')] });

  await askForPurge(parts, { ...asked, isForced: true });
  const eventNids = await eventsOfRoom(parts.database, room);
  const pauses = await purge(parts, { ...asked, isForced: true });
  assert.equal(pauses.length, 2, 'clients are told that their users have left before the room is closed');
  const left = parts.facts.filter(({ membership }) => membership === 'leave').map(({ stateKey }) => stateKey);
  assert.deepEqual(new Set(left), new Set([alice, bob]));
  await assertGone(parts.database, room, eventNids);
});

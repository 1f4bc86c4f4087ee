/** Proves that a process knows which rooms lack members still, and hears when they do no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { PartialRooms } from '#rooms/partial/partial-rooms.ts';
import { openDatabase, statement, type Database } from '#storage/database.ts';
import {
  deletePartialRoom,
  findAllPartialRooms,
  findPartialRooms,
  persistPartialRoom,
} from '#storage/rooms/partial-rooms.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const logger = createLogger('silent');
const tries = { find: () => assert.fail('nothing is looked up in a trie') };
const insertRoom = statement<never>(
  'test_insert_room',
  `insert into rooms (room_nid, room_id, version, created_at) values (1, '!r:a', '11', 0)`,
);
const insertJoin = statement<never>(
  'test_insert_join',
  `insert into events (event_nid, room_nid, event_id, status, type, sender_nid, origin_server_ts, depth, history_visibility)
   values (5, 1, '$join', 2, 'm.room.member', 1, 0, 0, 1)`,
);

async function prepare() {
  const stack = new AsyncDisposableStack();
  const { connection } = stack.use(await createMigratedDatabase());
  const database = stack.use(openDatabase(connection, { poolSize: 8, logger }));
  await database.query(insertRoom, []);
  await database.query(insertJoin, []);
  await database.transaction((tx) =>
    persistPartialRoom(tx, { roomNid: 1, joinNid: 5, resident: 'r', servers: ['r', 's'], startedAt: 9 }),
  );
  const open = async (waitMsMax: number) => {
    const streams: Streams = stack.use(await openStreams({ database, tries, clock: systemClock, logger }));
    const partialRooms = stack.use(new PartialRooms({ database, streams, waitMsMax, warn: assert.ifError }));
    return { streams, partialRooms };
  };
  return { database, open, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function complete(streams: Streams): Promise<void> {
  return streams.write('completions', async (tx) => {
    assert.equal(await deletePartialRoom(tx, 1, 5), true);
    tx.add({ completedRooms: [{ userNid: 3, roomNid: 1 }] });
  });
}

test('a room is partial while it has a row, which a join that came later is not robbed of', async () => {
  await using parts = await prepare();
  const { partialRooms } = await parts.open(20_000);
  assert.deepEqual(
    (await findAllPartialRooms(parts.database, 10)).find(({ roomNid }) => roomNid === 1),
    {
      roomNid: 1,
      roomId: '!r:a',
      version: '11',
      joinNid: 5,
      joinId: '$join',
      resident: 'r',
      servers: ['r', 's'],
      startedAt: 9,
      hasUsers: false,
    },
  );
  assert.deepEqual(await findPartialRooms(parts.database, [1, 2]), new Set([1]));
  assert.deepEqual([await partialRooms.isPartial(1), await partialRooms.isPartial(2)], [true, false]);
  assert.equal(await removeRow(parts.database, 4), false);
  assert.equal(await removeRow(parts.database, 5), true);
  assert.equal(await partialRooms.isPartial(1), false);
});

const removeRow = (database: Database, joinNid: number): Promise<boolean> =>
  database.transaction((tx) => deletePartialRoom(tx, 1, joinNid));

test('who waits for a room goes on when another process has completed it, and its users hear of it', async () => {
  await using parts = await prepare();
  const [here, there] = [await parts.open(20_000), await parts.open(20_000)];
  await here.partialRooms.whenComplete(2);
  const waiting = here.partialRooms.whenComplete(1);
  const { signal } = new AbortController();
  const listener = { userNid: 3, userId: '@u:a', deviceNid: 7, roomNids: [], signal, timeoutMs: 20_000 };
  const after = here.streams.horizons;
  const heard = here.streams.waitFor({ ...listener, after });
  await complete(there.streams);
  await here.streams.catchUp();
  await Promise.all([waiting, heard]);
  const [change] = here.streams.userData.since(after[1]) ?? [];
  assert.partialDeepStrictEqual(change, { kind: 'completedRooms', userNid: 3, roomNid: 1 });
  assert.equal(here.streams.userData.hasSince('completedRooms', 3, after[1]), true);
});

test('who waits goes on too when the room is given up, and hears after a bound that it is not complete', async () => {
  await using parts = await prepare();
  const patient = await parts.open(20_000);
  const hasty = await parts.open(20);
  await assert.rejects(hasty.partialRooms.whenComplete(1), { errcode: 'M_UNKNOWN', status: 504 });
  const aborting = new AbortController();
  const aborted = assert.rejects(patient.partialRooms.whenComplete(1, aborting.signal), /nobody asks/);
  aborting.abort(new Error('nobody asks any more'));
  await aborted;
  const waiting = patient.partialRooms.whenComplete(1);
  await removeRow(parts.database, 5);
  await waiting;
});

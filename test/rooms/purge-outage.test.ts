/** Proves that the purge of a room outlasts a PostgreSQL that is killed in the middle of its batches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { purgeSomeOfRoom, type PurgePayload } from '#rooms/purge/purge-room.ts';
import { isConnectionLost } from '#storage/database-errors.ts';
import { migrate } from '#storage/migrations.ts';
import { startIn, until } from '#test/embedded/start.ts';
import { createRoomParts } from '#test/support/room-parts.ts';
import { eventsOfRoom, requireStoredRoom, rowsOfEvents, rowsOfRoom } from '#test/rooms/rows-of-rooms.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const alice = '@alice:hs1.test';
const EVENTS = 4_000;
const KILLS = 4;

test('R4: a purge goes on where it was when PostgreSQL is killed in the middle of its batches', async () => {
  using directory = makeTemporaryDirectory();
  await using postgres = await startIn(directory.path);
  const { connection } = postgres;
  await migrate(connection);
  await using parts = await createRoomParts({ connection, url: '', [Symbol.asyncDispose]: () => Promise.resolve() });
  const { database } = parts;
  const version = findRoomVersion('12');
  assert.ok(version);
  const membership = (is: string) => ({
    sender: alice,
    type: 'm.room.member',
    state_key: alice,
    content: { membership: is },
  });
  const create = { sender: alice, type: 'm.room.create', state_key: '', content: { room_version: '12' } };
  const { roomId } = await parts.persistEvents({ room: { create: version }, events: [create, membership('join')] });
  const message = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body: 'x' } };
  for (let sent = 0; sent < EVENTS; sent += 200) {
    await parts.persistEvents({ room: { roomId }, events: Array.from({ length: 200 }, () => message) });
  }
  await parts.persistEvents({ room: { roomId }, events: [membership('leave')] });
  const room = await requireStoredRoom(database, roomId);
  const eventNids = await eventsOfRoom(database, room);

  let kills = 0;
  let interrupted = 0;
  let payload: PurgePayload | undefined = { roomId, isForced: false };
  for (let attempts = 0; payload !== undefined; attempts++) {
    assert.ok(attempts < 200, 'a purge ends');
    const killed = postgres.pid();
    const mayKill: boolean = payload.place?.stage === 'events' && kills < KILLS;
    const step = purgeSomeOfRoom(parts, payload);
    const settled = step.then(
      (next) => ({ payload: next?.payload }),
      (error: unknown) => {
        // After a kill the pool may still hand out connections that have died with it: then the job tries again, too.
        if (!isConnectionLost(error)) throw error;
        interrupted++;
        return undefined;
      },
    );
    if (mayKill) {
      process.kill(killed, 'SIGKILL');
      kills++;
    }
    const outcome = await settled;
    if (mayKill) await until(() => postgres.pid() !== killed, 'PostgreSQL ran again');
    if (outcome !== undefined) ({ payload } = outcome);
  }
  assert.equal(kills, KILLS);
  assert.ok(interrupted > 0, 'a batch was cut');
  for (const [table, rows] of await rowsOfRoom(database, room)) assert.equal(rows.length, 0, table);
  for (const [column, count] of await rowsOfEvents(database, eventNids)) assert.equal(count, 0, column);
});

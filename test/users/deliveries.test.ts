/** Proves that what devices have had is noted, forwards only, and without a write for each sync. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { openStreams } from '#streams/streams.ts';
import { createDeliveries } from '#users/deliveries.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

test('the position of a device is the greatest that it has acknowledged, written together with others', async () => {
  const logger = createLogger('silent');
  await using created = await createMigratedDatabase();
  await using database = openDatabase(created.connection, { poolSize: 4, logger });
  const insert = statement<unknown>(
    'test_insert_devices',
    `insert into devices (device_nid, user_nid, device_id, created_at, delivered_position)
     values (1, 1, 'A', 0, null), (2, 1, 'B', 0, 90)`,
  );
  await database.query(insert, []);
  const tries = { find: () => assert.fail('nothing is looked up in a trie') };
  await using streams = await openStreams({ database, tries, clock: systemClock, logger });
  const positions = statement<{ delivered_position: number | null }>(
    'test_delivered_positions',
    'select delivered_position from devices order by device_nid',
  );
  const read = async () => (await database.query(positions, [])).map((row) => row.delivered_position);
  const deliveries = createDeliveries({ database, streams, logger });
  for (const [deviceNid, pos] of [
    [1, 5],
    [1, 9],
    [1, 7],
    [2, 80],
  ] as const) {
    await deliveries.acknowledge(deviceNid, [pos, 0, 0, 0, 0]);
  }
  assert.deepEqual(await read(), [null, 90], 'nothing is written for a single sync');
  await deliveries[Symbol.asyncDispose]();
  assert.deepEqual(await read(), [9, 90]);
});

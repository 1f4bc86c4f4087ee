/** Proves that of a user's highlights in a room the newest stay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { trimNotifications, type TrimPlace } from '#storage/notifications/trim-notifications.ts';
import { createMigratedDatabase } from '#test/storage/migrated-database.ts';

const insertRows = statement<unknown>(
  'test_insert_notifications',
  `insert into notifications (user_nid, pos, room_nid, event_nid, room_order, step)
   select $1::bigint, $2::bigint * 1000 + n, $2, n, n, 1 from generate_series(1, $3::int) n`,
);
const selectLeft = statement<{ place: string; orders: number[] }>(
  'test_select_notifications',
  `select user_nid || '/' || room_nid as place, array_agg(room_order::int order by room_order) as orders
   from notifications group by user_nid, room_nid order by user_nid, room_nid`,
);

test('of each user in each room the newest highlights stay, in steps over all users and rooms', async () => {
  await using testDatabase = await createMigratedDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 2, logger: createLogger('warn') });
  const given = { '0/1': 5, '0/2': 2, '7/1': 3, '7/2': 9, '8/1': 1 };
  for (const [place, count] of Object.entries(given)) {
    const [userNid, roomNid] = place.split('/').map(Number);
    await database.query(insertRows, [userNid, roomNid, count]);
  }
  const limits = { placesMax: 2, keptMax: 3, removedMax: 4 };
  let place: TrimPlace | undefined = { userNid: -1, roomNid: -1 };
  const removed: number[] = [];
  for (let step = 0; place !== undefined; step += 1) {
    assert.ok(step < 20, 'the walk ends');
    const done: Awaited<ReturnType<typeof trimNotifications>> = await trimNotifications(database, place, limits);
    removed.push(done.removed);
    place = done.next;
  }
  assert.equal(
    removed.reduce((sum, count) => sum + count, 0),
    2 + 6,
  );
  assert.ok(removed.every((count) => count <= limits.placesMax * limits.removedMax));
  const left = Object.fromEntries((await database.query(selectLeft, [])).map(({ place, orders }) => [place, orders]));
  assert.deepEqual(left, { '0/1': [3, 4, 5], '0/2': [1, 2], '7/1': [1, 2, 3], '7/2': [7, 8, 9], '8/1': [1] });
});

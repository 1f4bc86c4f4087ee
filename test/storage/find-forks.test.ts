/** Proves that the forks of a room are told in the order of their positions, wherever their rows lie. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { headCauses } from '#storage/rooms/persist-columns.ts';
import { findForks } from '#storage/streams/find-forks.ts';
import { createMigratedDatabase } from '#test/storage/migrated-database.ts';

const { message, stateEvent, resolution } = headCauses;

const insertHead = statement<unknown>(
  'test_insert_head',
  `insert into room_heads (room_nid, room_seq, pos, bump_pos, state_root, extremity_nids, depth, last_order, notify_seq, cause)
   values ($1::bigint, $2::bigint, $2::bigint * 10, 0, $2::bigint * 100, '{}', 0, 0, 0, $3)`,
);
/** PostgreSQL goes by an index in order when it has statistics, and by pages when it has none: this is the latter. */
const goByPages = statement<unknown>(
  'test_go_by_pages',
  `select set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true)`,
);

test('forks that two connections have written come in the order of their positions', async () => {
  await using on = await createMigratedDatabase();
  await using database = openDatabase(on.connection, { poolSize: 1, logger: createLogger('silent') });
  // As they lie when the one who wrote first had begun a new page, and the other had not filled the former.
  const heads = [
    [1, 1, stateEvent],
    [1, 4, resolution],
    [2, 2, resolution],
    [1, 5, message],
    [1, 3, resolution],
    [1, 2, resolution],
    [2, 1, stateEvent],
  ] as const;
  for (const head of heads) await database.query(insertHead, head);
  const windows = [
    { roomNid: 2, after: 0, upTo: 100 },
    { roomNid: 1, after: 10, upTo: 40 },
  ];
  const rows = await database.transaction(async (tx) => {
    await tx.query(goByPages, []);
    return findForks(tx, windows);
  });
  const forksOf = (roomNid: number) =>
    rows.filter((row) => row.room_nid === roomNid).map((row) => [row.pos, row.root_before, row.root_after]);
  assert.deepEqual(forksOf(1), [
    [20, 100, 200],
    [30, 200, 300],
    [40, 300, 400],
  ]);
  assert.deepEqual(forksOf(2), [[20, 100, 200]]);
});

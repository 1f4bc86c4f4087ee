/** Proves that the sweeper does its tasks in steps, one process at a time, whatever becomes of one of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { createSweepMetrics, createSweepTasks } from '#jobs/sweep-tasks.ts';
import { startSweeper, type SweepTask } from '#jobs/sweeper.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const logger = createLogger('silent');
const clock = systemClock;
const hourMs = 3_600_000;

test('each task is done in steps until nothing is left, a failure of one notwithstanding, by one process at a time', async () => {
  await using testDatabase = await createMigratedDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 3, logger });
  const registry = new Registry();
  const parts = { database, clock, logger, metrics: createSweepMetrics(registry) };
  const done: string[] = [];
  const finished = Promise.withResolvers<void>();
  const tasks: SweepTask[] = [
    { name: 'broken', intervalMs: hourMs, step: () => Promise.reject(new Error('it fails')) },
    {
      name: 'long',
      intervalMs: hourMs,
      step: async () => {
        done.push('step');
        return { rows: 2, hasMore: done.length < 3 };
      },
    },
    {
      name: 'last',
      intervalMs: hourMs,
      step: async () => {
        finished.resolve();
        return { rows: 0, hasMore: false };
      },
    },
  ];
  const first = startSweeper(parts, tasks);
  await finished.promise;
  assert.deepEqual(done, ['step', 'step', 'step']);
  const metrics = await registry.metrics();
  assert.match(metrics, /^causeway_swept_rows_total\{table="long"\} 6$/m);
  assert.match(metrics, /^causeway_sweep_step_duration_seconds_count\{table="long"\} 3$/m);
  // The lease is the first one's; the second has it once the first is gone.
  let turns = 0;
  const other: SweepTask = { ...tasks[1]!, step: async () => ({ rows: (turns += 1), hasMore: false }) };
  await using second = startSweeper(parts, [other]);
  await second[Symbol.asyncDispose]();
  assert.equal(turns, 0);
  await first[Symbol.asyncDispose]();
  const took = Promise.withResolvers<void>();
  await using third = startSweeper(parts, [
    { ...other, step: async () => (took.resolve(), { rows: 0, hasMore: false }) },
  ]);
  await took.promise;
  assert.ok(third);
});

const insertToken = statement<unknown>(
  'test_insert_openid_token',
  `insert into openid_tokens (token_hash, user_nid, expires_at) select decode(lpad(n::text, 8, '0'), 'hex'), 1, 1
   from generate_series(1, $1::int) n`,
);
const countTokens = statement<{ count: number }>(
  'test_count_openid_tokens',
  'select count(*)::int as count from openid_tokens',
);

test('the tasks of the server remove more than one batch of old rows, and tell how many', async () => {
  await using testDatabase = await createMigratedDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 3, logger });
  await database.query(insertToken, [2_500]);
  const registry = new Registry();
  const tasks = createSweepTasks(database, { redactedContentDays: 7 });
  await using sweeper = startSweeper({ database, clock, logger, metrics: createSweepMetrics(registry) }, tasks);
  const isSwept = async (): Promise<boolean> => (await database.query(countTokens, []))[0]?.count === 0;
  for (const deadline = Date.now() + 20_000; !(await isSwept());) assert.ok(Date.now() < deadline, 'rows are left');
  await sweeper[Symbol.asyncDispose]();
  assert.match(await registry.metrics(), /^causeway_swept_rows_total\{table="openid_tokens"\} 2500$/m);
});

test('censoring can be switched off', async () => {
  await using testDatabase = await createMigratedDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 1, logger });
  const names = (days: number | undefined) =>
    createSweepTasks(database, { redactedContentDays: days }).map((t) => t.name);
  assert.ok(names(0).includes('event_json'));
  assert.ok(!names(undefined).includes('event_json'));
});

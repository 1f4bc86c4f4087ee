/** Proves that every queue between a request and the database is bounded: what does not fit is answered 503 at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import type { Load } from '#core/quota.ts';
import { MatrixError } from '#matrix/error.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { createLoadMetrics } from '#http/load-metrics.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { findUnavailable } from '#storage/overload.ts';
import { openStreams } from '#streams/streams.ts';
import { Registry } from 'prom-client';
import { connect, type SqlClient } from '#test/reliability/own-postgres.ts';
import { createMigratedDatabase, createRoomParts, roomLimits } from '#test/support/room-parts.ts';
import { until } from '#test/http/test-http.ts';

const logger = createLogger('silent');
const alice = '@alice:hs1.test';
const sleep = statement<unknown>('test_sleep', 'select pg_sleep($1)');

const comeAgain = (error: unknown): boolean =>
  error instanceof MatrixError && error.status === 503 && typeof error.fields['retry_after_ms'] === 'number';

function loadOf(loads: readonly Load[], name: string): Load {
  const found = loads.find((load) => load.name === name);
  assert.ok(found, name);
  return found;
}

test('of statements that wait for a connection no more than the limit wait, and the others are refused at once', async () => {
  await using on = await createMigratedDatabase();
  await using database = openDatabase(on.connection, { poolSize: 1, poolWaitersMax: 1, logger });
  const slow = [database.query(sleep, [0.3]), database.query(sleep, [0])];
  await assert.rejects(database.query(sleep, [0]), comeAgain);
  await assert.rejects(
    database.transaction(() => Promise.resolve()),
    comeAgain,
  );
  await Promise.all(slow);
  assert.deepEqual([database.load.used, database.load.refusedCount], [0, 2]);
  await database.query(sleep, [0]);
});

test('a statement that takes too long is ended, its request is told to come again, and the connection is not lost', async () => {
  await using on = await createMigratedDatabase();
  await using database = openDatabase(on.connection, { poolSize: 1, queryMsMax: 100, logger });
  for (const run of [() => database.query(sleep, [60]), () => database.transaction((tx) => tx.query(sleep, [60]))]) {
    const error = await run().then(
      () => assert.fail('it was not ended'),
      (thrown: unknown) => thrown,
    );
    assert.ok(comeAgain(findUnavailable(error)));
    await database.query(sleep, [0]);
  }
});

/** Until it is rolled back. */
async function lockTable(sql: SqlClient, table: string): Promise<void> {
  await sql.rows('set idle_in_transaction_session_timeout = 0');
  await sql.rows('begin');
  await sql.rows(`lock table ${table} in access exclusive mode`);
}

const twoEvents = [
  { sender: alice, type: 'm.room.create', state_key: '', content: { room_version: '12' } },
  { sender: alice, type: 'm.room.member', state_key: alice, content: { membership: 'join' } },
];

for (const [name, limits] of Object.entries({
  persist_events: { queueEventsMax: 5 },
  persist_bytes: { queueBytesMax: 4_000 },
  persist_rooms: { queueRoomsMax: 2 },
})) {
  test(`events beyond the limit ${name} are refused at once, and those within it are written`, async () => {
    await using on = await createMigratedDatabase();
    await using sql = await connect(on.connection);
    const version = findRoomVersion('12');
    assert.ok(version);
    await using parts = await createRoomParts(on, { limits: { ...roomLimits, ...limits } });
    // Nobody gets beyond a locked table, and all that fits waits.
    await lockTable(sql, 'events');
    const create = () => parts.persistEvents({ room: { create: version }, events: twoEvents });
    const outcomes = Promise.allSettled([create(), create(), create(), create()]);
    assert.equal(loadOf(parts.loads, name).refusedCount, 2);
    await sql.rows('rollback');
    const settled = await outcomes;
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
    );
    for (const outcome of settled) if (outcome.status === 'rejected') assert.ok(comeAgain(outcome.reason), name);
    assert.ok(parts.loads.every(({ used }) => used === 0));
  });
}

test('writes beside events that do not fit, or wait too long, are refused', async () => {
  await using on = await createMigratedDatabase();
  await using sql = await connect(on.connection);
  await using parts = await createRoomParts(on);
  const limits = { streamQueueMax: 3, queueMsMax: 200, waitingSyncsMax: 1 };
  await using streams = await openStreams({ ...parts, clock: systemClock, logger, limits });
  const write = (type: string) => {
    const row = { userNid: 1, roomNid: 0, type, content: '{}' };
    return streams.write('userData', (tx) => tx.add({ accountData: [row] }));
  };
  await lockTable(sql, 'account_data');
  const first = write('first').catch((error: unknown) => error);
  await until(() => loadOf(streams.loads, 'stream_user_data').used === 0);
  const outcomes = Promise.allSettled(['a', 'b', 'c', 'd'].map(write));
  assert.equal(loadOf(streams.loads, 'stream_user_data').refusedCount, 1);
  const settled = await outcomes;
  await sql.rows('rollback');
  // The first one's lock was not had in time, and by then the time of those behind it was up.
  for (const outcome of settled) assert.ok(outcome.status === 'rejected' && comeAgain(outcome.reason));
  assert.ok(comeAgain(await first));
  await write('afterwards');
});

test('no more than the limit wait for news', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const limits = { streamQueueMax: 10, queueMsMax: 1_000, waitingSyncsMax: 1 };
  await using streams = await openStreams({ ...parts, clock: systemClock, logger, limits });
  const leaving = new AbortController();
  const wait = (signal: AbortSignal) =>
    streams.waitFor({
      userNid: 1,
      userId: alice,
      deviceNid: 1,
      roomNids: [],
      after: streams.horizons,
      timeoutMs: 60_000,
      signal,
    });
  const waiting = wait(leaving.signal);
  await assert.rejects(wait(leaving.signal), comeAgain);
  leaving.abort();
  await waiting;
  assert.equal(loadOf(streams.loads, 'waiting_syncs').used, 0);
});

test('metrics tell of every limit what is used, what may be, and what was refused', async () => {
  const registry = new Registry();
  createLoadMetrics(registry, [{ name: 'things', max: 7, used: 3, refusedCount: 2 }]);
  for (let scrape = 0; scrape < 2; scrape++) {
    const metrics = await registry.metrics();
    assert.match(metrics, /^causeway_limit_used\{limit="things"\} 3$/m);
    assert.match(metrics, /^causeway_limit_max\{limit="things"\} 7$/m);
    assert.match(metrics, /^causeway_limit_refused_total\{limit="things"\} 2$/m);
  }
});

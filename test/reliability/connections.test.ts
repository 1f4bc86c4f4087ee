/**
 * Proves what becomes of requests whose connections to PostgreSQL are ended, or cannot be made. `CAUSEWAY_TEST_TERMINATIONS`
 * makes it longer, `CAUSEWAY_TEST_SEED` repeats its choices.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startLoad, type LoadRun } from '#test/reliability/load-run.ts';
import { connect, connectAsSuperuser, startOwnPostgres, type SqlClient } from '#test/reliability/own-postgres.ts';
import { request } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/embedded/start.ts';

const terminations = Number(process.env['CAUSEWAY_TEST_TERMINATIONS'] ?? 15);
const poolSize = 6;
/** Writers of events, in common and by lock; one for each lane of the other streams; that of wake-ups. */
const ownConnections = 2 + 4 + 1;

type Backend = { pid: number };
const sessions = `select pid from pg_stat_activity
  where datname = current_database() and application_name like 'causeway%' and backend_type = 'client backend'`;

/** No connection is kept that should have been given back, and none sits in a transaction. */
async function assertNoLeak(sql: SqlClient): Promise<void> {
  const all = await sql.rows<Backend>(sessions);
  assert.ok(all.length <= poolSize + ownConnections, `${all.length} connections are open`);
  const isAtRest = async (): Promise<boolean> =>
    (await sql.rows(`${sessions} and state like 'idle in transaction%'`)).length === 0;
  await until(isAtRest, 'no connection was inside a transaction');
}

/** A room is there with all of its first events, or not at all. */
async function assertWholeRooms(sql: SqlClient): Promise<void> {
  const counts = await sql.rows<{ count: number }>(
    `select count(*)::int as count from rooms r join events e on e.room_nid = r.room_nid
     where e.type in ('m.room.create', 'm.room.power_levels', 'm.room.join_rules', 'm.room.history_visibility')
     group by r.room_nid`,
  );
  assert.deepEqual([...new Set(counts.map(({ count }) => count))], [4]);
  const heads = await sql.rows(
    'select from rooms where not exists (select from room_heads h where h.room_nid = rooms.room_nid)',
  );
  assert.equal(heads.length, 0);
}

/** Rooms that are made meanwhile; every refusal says when to come again. */
async function makeRooms({ users }: LoadRun, isOver: () => boolean): Promise<number> {
  const maker = users[0];
  assert.ok(maker);
  let made = 0;
  while (!isOver()) {
    const answer = await maker.raw('POST', '/createRoom', { body: { name: 'x' } });
    if (answer.status === 200) made += 1;
    else assertComeAgain(answer);
  }
  return made;
}

function assertComeAgain(answer: { status: number; headers: Headers; bodyText: string }): void {
  assert.equal(answer.status, 503, answer.bodyText);
  assert.ok(answer.headers.has('retry-after'), answer.bodyText);
}

test('R5: connections that are ended at random cost nobody an event, and none is leaked', async (context: TestContext) => {
  const seed = chooseSeed();
  context.diagnostic(`CAUSEWAY_TEST_SEED=${seed}`);
  const next = seededNumbers(seed);
  await using database = await createTestDatabase();
  await using sql = await connect(database.connection);
  const env = { CAUSEWAY_DATABASE_POOL_SIZE: String(poolSize) };
  await using server = await startServerProcess({ databaseUrl: database.url, env });
  await using load = await startLoad(server.baseUrl);
  let isOver = false;
  const making = makeRooms(load, () => isOver);
  for (let n = 0; n < terminations; n++) {
    const backends = await sql.rows<Backend>(sessions);
    const victim = backends[Math.floor(next() * backends.length)];
    if (victim !== undefined) await sql.rows('select pg_terminate_backend($1)', [victim.pid]);
    await delay(next() * 200);
  }
  isOver = true;
  context.diagnostic(`${await making} rooms were made`);
  await load.awaitProgress('connections that were ended');
  await load.repeatLatest();
  await load.judge(context);
  await assertNoLeak(sql);
  await assertWholeRooms(sql);
  await server.stop();
});

test('R5: while others have taken all connections requests are answered 503, and all is well when they are gone', async (context) => {
  await using postgres = await startOwnPostgres({ max_connections: '40', superuser_reserved_connections: '3' });
  const env = { CAUSEWAY_DATABASE_POOL_SIZE: String(poolSize), CAUSEWAY_STORAGE_QUEUE_MS_MAX: '1000' };
  await using server = await startServerProcess({ databaseUrl: postgres.url, env });
  await using admin = await connectAsSuperuser(postgres.connection);
  await using load = await startLoad(server.baseUrl);
  await load.awaitProgress('the start');
  await using others = new AsyncDisposableStack();
  // Each connection of the server's is ended, and somebody else has its place before it is made again.
  let seen = 0;
  for (let round = 0; round < 200 && seen < 3; round++) {
    for (const { pid } of await admin.rows<Backend>(sessions))
      await admin.rows('select pg_terminate_backend($1)', [pid]);
    await connect(postgres.connection).then(
      (other) => others.use(other),
      () => undefined,
    );
    if ((await admin.rows(sessions)).length > 0) continue;
    const { users, rooms } = load;
    const path = `/rooms/${encodeURIComponent(rooms[0] ?? '')}/send/org.example.probe/${round}`;
    const [user] = users;
    assert.ok(user);
    const answer = await user.raw('PUT', path, { body: {} });
    if (answer.status === 200) continue;
    assertComeAgain(answer);
    assert.equal(text(answer.body, 'errcode'), 'M_UNKNOWN');
    seen += 1;
  }
  assert.equal(seen, 3, 'the server was without connections');
  assert.equal((await request(server.metricsUrl, 'GET', '/ready')).status, 503);
  await others.disposeAsync();
  await until(async () => (await request(server.metricsUrl, 'GET', '/ready')).status === 200, 'it was ready again');
  await load.awaitProgress('connections that were taken by others');
  await load.repeatLatest();
  await load.judge(context);
  await assertNoLeak(admin);
  await server.stop();
});

/**
 * Proves that a PostgreSQL which ends in the middle of a migration leaves a database that the next start migrates.
 * `CAUSEWAY_TEST_SEED` repeats the moments.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { superuserConnection } from '#storage/embedded/connection.ts';
import { migrate } from '#storage/migrations.ts';
import { until } from '#test/embedded/start.ts';
import { connect, startOwnPostgres, urlOf } from '#test/reliability/own-postgres.ts';
import { registerUser } from '#test/support/matrix-http.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { sendSignal } from '#test/support/processes.ts';
import { startServerProcess } from '#test/support/server-process.ts';

const rounds = Number(process.env['CAUSEWAY_TEST_DATABASE_KILLS'] ?? 3);
/** About as long as the baseline takes. */
const migrationMs = 300;

test('R4: a PostgreSQL that is stopped at once during a migration leaves nothing half done', async (context) => {
  const seed = chooseSeed();
  context.diagnostic(`CAUSEWAY_TEST_SEED=${seed}`);
  const next = seededNumbers(seed);
  await using postgres = await startOwnPostgres();
  let interrupted = 0;
  let last = '';
  for (let round = 0; round < rounds; round++) {
    const name = `round_${round}`;
    {
      await using admin = await connect({ ...superuserConnection(postgres.connection) });
      await admin.rows(`create database ${name} owner ${postgres.connection.user} template template0`);
    }
    const connection = { ...postgres.connection, database: name };
    const migrating = migrate(connection).then(
      () => 'migrated',
      () => 'interrupted',
    );
    await delay(next() * migrationMs);
    const pid = postgres.postmasterPid();
    // What `pg_ctl stop -m immediate` sends.
    sendSignal(pid, 'SIGQUIT');
    if ((await migrating) === 'interrupted') interrupted += 1;
    await until(() => postgres.postmasterPid() !== pid, 'PostgreSQL ran again');
    await migrate(connection);
    assert.deepEqual(await migrate(connection), [], 'nothing is left to be migrated');
    last = urlOf(connection);
  }
  await using server = await startServerProcess({ databaseUrl: last });
  await registerUser(server.baseUrl);
  await server.stop();
  context.diagnostic(`${interrupted} of ${rounds} migrations were interrupted`);
});

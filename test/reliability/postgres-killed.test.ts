/**
 * Proves that the server outlasts its PostgreSQL: the postmaster or one backend is killed under load, again and again.
 * `CAUSEWAY_TEST_DATABASE_KILLS` makes it longer, `CAUSEWAY_TEST_SEED` repeats its choices.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startLoad } from '#test/reliability/load-run.ts';
import { findPostmaster, findProcessesOf, sendSignal } from '#test/support/processes.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { startServerProcess } from '#test/support/server-process.ts';

const kills = Number(process.env['CAUSEWAY_TEST_DATABASE_KILLS'] ?? 3);

test('R3: a postmaster that is killed under load is started again, and nothing acknowledged is lost', async (context) => {
  await using server = await startServerProcess();
  await using load = await startLoad(server.baseUrl);
  for (let n = 0; n < kills; n++) {
    await load.awaitProgress('the last kill');
    const postmaster = await findPostmaster(server.dataDir);
    assert.ok(postmaster, 'the embedded PostgreSQL is running');
    sendSignal(postmaster.pid, 'SIGKILL');
    await load.awaitProgress('a killed postmaster');
    await load.repeatLatest();
  }
  await load.judge(context);
  await server.stop();
});

test('R3: a backend that is killed takes the others with it, and the server goes on', async (context) => {
  const seed = chooseSeed();
  context.diagnostic(`CAUSEWAY_TEST_SEED=${seed}`);
  const next = seededNumbers(seed);
  await using server = await startServerProcess();
  await using load = await startLoad(server.baseUrl);
  for (let n = 0; n < kills; n++) {
    await load.awaitProgress('the last kill');
    const backends = await findBackends(server.dataDir);
    const victim = backends[Math.floor(next() * backends.length)];
    assert.ok(victim !== undefined, 'the server has connections');
    sendSignal(victim, 'SIGKILL');
    await load.awaitProgress('a killed backend');
    await load.repeatLatest();
  }
  await load.judge(context);
  await server.stop();
});

/** The processes of PostgreSQL that serve a connection; it calls itself after what each does. */
async function findBackends(dataDir: string): Promise<number[]> {
  const found = await findProcessesOf(dataDir);
  return found.filter(({ commandLine }) => /^postgres: causeway /.test(commandLine)).map(({ pid }) => pid);
}

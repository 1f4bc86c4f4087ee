/**
 * Proves what is seen while PostgreSQL stands still: health is red within seconds and green again by itself, and clients go
 * on with the tokens that they have. `CAUSEWAY_TEST_STOP_MS` makes it longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '#test/embedded/start.ts';
import { startLoad } from '#test/reliability/load-run.ts';
import { request } from '#test/support/matrix-http.ts';
import { findPostmaster, findProcessesOf, sendSignal } from '#test/support/processes.ts';
import { startServerProcess } from '#test/support/server-process.ts';

const stopMs = Number(process.env['CAUSEWAY_TEST_STOP_MS'] ?? 4_000);

async function readiness(metricsUrl: string): Promise<number> {
  return (await request(metricsUrl, 'GET', '/ready')).status;
}

test('R10: while the postmaster stands still its connections go on, and clients miss nothing', async (context) => {
  await using server = await startServerProcess();
  await using load = await startLoad(server.baseUrl);
  await load.awaitProgress('the start');
  const postmaster = await findPostmaster(server.dataDir);
  assert.ok(postmaster);
  sendSignal(postmaster.pid, 'SIGSTOP');
  try {
    await delay(stopMs);
  } finally {
    sendSignal(postmaster.pid, 'SIGCONT');
  }
  await until(async () => (await readiness(server.metricsUrl)) === 200, 'the server was ready');
  await load.awaitProgress('a postmaster that stood still');
  await load.repeatLatest();
  await load.judge(context);
  await server.stop();
});

test('R10: while all of PostgreSQL stands still health is red, and afterwards all goes on without a gap', async (context) => {
  await using server = await startServerProcess();
  await using load = await startLoad(server.baseUrl);
  await load.awaitProgress('the start');
  const postgres = (await findProcessesOf(server.dataDir)).filter(({ command }) => command === 'postgres');
  assert.ok(postgres.length > 1);
  for (const { pid } of postgres) sendSignal(pid, 'SIGSTOP');
  const stoppedAt = performance.now();
  try {
    await until(async () => (await readiness(server.metricsUrl)) === 503, 'health was red');
    context.diagnostic(`health was red after ${Math.round(performance.now() - stoppedAt)} ms`);
    assert.equal((await request(server.metricsUrl, 'GET', '/health')).status, 200, 'the process is alive');
    await delay(Math.max(0, stopMs - (performance.now() - stoppedAt)));
  } finally {
    for (const { pid } of postgres) sendSignal(pid, 'SIGCONT');
  }
  await until(async () => (await readiness(server.metricsUrl)) === 200, 'health was green');
  await load.awaitProgress('a PostgreSQL that stood still');
  await load.repeatLatest();
  await load.judge(context);
  await server.stop();
});

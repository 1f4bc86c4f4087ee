/** Proves that a server which is told to stop under load ends cleanly, and that nothing acknowledged is lost by it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startLoad } from '#test/reliability/load-run.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const rounds = Number(process.env['CAUSEWAY_TEST_KILLS'] ?? 3);

test('R33: a server that is told to stop under load answers what it has begun, ends with 0, and loses nothing', async (context) => {
  await using database = await createTestDatabase();
  let server = await startServerProcess({ databaseUrl: database.url });
  const { port } = server;
  try {
    await using load = await startLoad(server.baseUrl);
    for (let round = 0; round < rounds; round++) {
      await load.awaitProgress('the last stop');
      const startedAt = performance.now();
      const exit = await server.kill('SIGTERM');
      context.diagnostic(`stopped after ${Math.round(performance.now() - startedAt)} ms`);
      assert.deepEqual(exit, { code: 0, signal: null }, server.output());
      await server[Symbol.asyncDispose]();
      server = await startServerProcess({ databaseUrl: database.url, port });
      await load.awaitProgress('a stop');
      await load.repeatLatest();
    }
    await load.judge(context);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

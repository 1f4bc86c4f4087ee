/** Checks on random histories that what clients fold together from /sync is what a client that starts afresh is told. */
import { test } from 'node:test';
import { registerUser } from '#test/support/matrix-http.ts';
import { chooseSeed } from '#test/support/seeded.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { checkHistories } from '#test/sync-oracle/check-histories.ts';
import { FarServer } from '#test/sync-oracle/far-server.ts';
import { runConcurrently, runHistory } from '#test/sync-oracle/run-history.ts';

/** `CAUSEWAY_SYNC_HISTORIES=1000` runs as many; `CAUSEWAY_TEST_SEED` is the seed of the first. */
const count = Number(process.env['CAUSEWAY_SYNC_HISTORIES'] ?? 25);
const concurrentCount = Math.ceil(count / 3);
const timeout = count * 20_000;
const firstSeed = chooseSeed();

test('what is folded together equals what is told afresh', { timeout }, async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  await using farServer = await FarServer.open(database);
  const newUsers = () => Promise.all([1, 2, 3, 4].map(() => registerUser(server.baseUrl)));
  await checkHistories({ firstSeed, count, newUsers, farServer, run: runHistory });
});

test('nothing is skipped while all write at once, each through one of two processes', { timeout }, async () => {
  await using database = await createTestDatabase();
  await using first = await startServerProcess({ databaseUrl: database.url });
  await using second = await startServerProcess({ databaseUrl: database.url });
  await using farServer = await FarServer.open(database);
  const [one, other] = [first.baseUrl, second.baseUrl];
  const newUsers = () => Promise.all([one, other, one, other].map((baseUrl) => registerUser(baseUrl)));
  const check = { firstSeed, count: concurrentCount, newUsers, farServer };
  await checkHistories({ ...check, run: runConcurrently });
});

/** Checks on random histories that what clients fold together from /sync is what a client that starts afresh is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseSeed } from '#test/support/seeded.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { randomHistory } from '#test/sync-oracle/random-history.ts';
import { runHistory } from '#test/sync-oracle/run-history.ts';
import { askSync, clientHabits, SyncClient } from '#test/sync-oracle/sync-client.ts';

/** `CAUSEWAY_SYNC_HISTORIES=1000` runs as many; `CAUSEWAY_TEST_SEED` is the seed of the first. */
const historyCount = Number(process.env['CAUSEWAY_SYNC_HISTORIES'] ?? 25);
/** Users are taken over from one history to the next, up to this many: registering takes longer than a history. */
const historiesPerUsers = 8;
const options = { users: 4, rooms: 2, operations: 60 };
const firstSeed = chooseSeed();

describe('sync of random histories', () => {
  const server = useSuiteServer();

  it('what is folded together equals what is told afresh', { timeout: historyCount * 20_000 }, async () => {
    const refused = new Map<string, number>();
    const failures: string[] = [];
    let users: readonly MatrixHttp[] = [];
    let done = 0;
    for (let at = 0; at < historyCount; at += 1) {
      if (at % historiesPerUsers === 0) users = await server.newUsers('u0', 'u1', 'u2', 'u3');
      const seed = firstSeed + at;
      // One kind of client for each history and user, so that every kind meets every role.
      const clients = users.map((user, index) => {
        const habit = clientHabits[(seed + index) % clientHabits.length];
        assert.ok(habit);
        return new SyncClient(habit, askSync(server.baseUrl, user.accessToken));
      });
      await Promise.all(clients.map((client) => client.sync()));
      const run = await runHistory({ baseUrl: server.baseUrl, users }, randomHistory(seed, options), async (user) => {
        await clients[user]?.sync();
      });
      done += run.done;
      for (const [what, count] of run.refused) refused.set(what, (refused.get(what) ?? 0) + count);
      for (const [index, client] of clients.entries()) {
        const differences = await client.findDifferences();
        const who = `CAUSEWAY_TEST_SEED=${seed}, u${index}, ${client.habit.name}`;
        failures.push(...differences.map((difference) => `${who}: ${difference}`));
      }
    }
    console.log(`seeds from ${firstSeed}: ${historyCount} histories, ${done} operations done`);
    console.log('refused', Object.fromEntries(refused));
    assert.ok(done > historyCount * 20, 'most operations of a history are possible');
    assert.equal(failures.length, 0, failures.join('\n'));
  });
});

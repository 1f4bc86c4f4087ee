/** Owns running a number of random histories and collecting what clients know otherwise than they should. */
import assert from 'node:assert/strict';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { randomHistory } from '#test/sync-oracle/random-history.ts';
import type { runHistory } from '#test/sync-oracle/run-history.ts';
import { askSync, clientHabits, SyncClient } from '#test/sync-oracle/sync-client.ts';

/** Users are taken over from one history to the next, up to this many: registering takes longer than a history. */
const historiesPerUsers = 8;
const options = { users: 4, rooms: 2, operations: 60 };

export type HistoryCheck = {
  readonly firstSeed: number;
  readonly count: number;
  /** Four users. */
  readonly newUsers: () => Promise<readonly MatrixHttp[]>;
  readonly run: typeof runHistory;
};

/** Prints what was done, and fails with every difference and the seed that leads to it. */
export async function checkHistories({ firstSeed, count, newUsers, run }: HistoryCheck): Promise<void> {
  const refused = new Map<string, number>();
  const failures: string[] = [];
  let users: readonly MatrixHttp[] = [];
  let done = 0;
  for (let at = 0; at < count; at += 1) {
    if (at % historiesPerUsers === 0) users = await newUsers();
    const seed = firstSeed + at;
    const clients = users.map((user, index) => clientOf(user, seed + index));
    await Promise.all(clients.map((client) => client.sync()));
    const result = await run({ users }, randomHistory(seed, options), async ({ by, isLost }) => {
      await (isLost ? clients[by]?.loseAnswer() : clients[by]?.sync());
    });
    done += result.done;
    for (const [what, times] of result.refused) refused.set(what, (refused.get(what) ?? 0) + times);
    for (const [index, client] of clients.entries()) {
      const who = `CAUSEWAY_TEST_SEED=${seed}, u${index}, ${client.habit.name}`;
      failures.push(...(await client.findDifferences()).map((difference) => `${who}: ${difference}`));
    }
  }
  console.log(`seeds from ${firstSeed}: ${count} histories, ${done} operations done`);
  console.log('refused', Object.fromEntries(refused));
  assert.ok(done > count * 20, 'most operations of a history are possible');
  assert.equal(failures.length, 0, failures.join('\n'));
}

/** Every kind of client meets every role, as seeds go on. */
function clientOf({ baseUrl, accessToken }: MatrixHttp, number: number): SyncClient {
  const habit = clientHabits[number % clientHabits.length];
  assert.ok(habit);
  return new SyncClient(habit, askSync(baseUrl, accessToken));
}

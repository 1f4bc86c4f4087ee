/** Owns running a number of random histories and collecting what clients know otherwise than they should. */
import assert from 'node:assert/strict';
import { logIn, type MatrixHttp } from '#test/support/matrix-http.ts';
import { count as add } from '#test/sync-oracle/client-view.ts';
import type { FarServer } from '#test/sync-oracle/far-server.ts';
import { operationKinds } from '#test/sync-oracle/operations.ts';
import { randomHistory } from '#test/sync-oracle/random-history.ts';
import type { HistoryRun, runHistory } from '#test/sync-oracle/run-history.ts';
import { askServer, clientHabits, SyncClient } from '#test/sync-oracle/sync-client.ts';

/** Users are taken over from one history to the next, up to this many: registering takes longer than a history. */
const historiesPerUsers = 8;
const options = { users: 4, rooms: 1, farRooms: 1, operations: 60 };

/** So many histories have everything in them, as good as surely; fewer need not. */
const enoughForAll = 100;
/** What clients have to have lived through, besides every kind of operation. */
const experiences = [
  'lost answer',
  ...['told of an invitation', 'told of a knock', 'told of a departure', 'joined again', 'gap', 'gap filled'],
  ...['began anew after ignoring', ...clientHabits.map(({ name }) => `client: ${name}`)],
];

/** As many as a test run has of the smaller kind: there are dozens of forks in them. */
const enoughForForks = 8;
const forkExperiences = ['farRoom', 'fork', 'fork accepted', 'state resolution'];

export type HistoryCheck = {
  readonly firstSeed: number;
  readonly count: number;
  /** Four users. */
  readonly newUsers: () => Promise<readonly MatrixHttp[]>;
  readonly farServer: FarServer;
  readonly run: typeof runHistory;
};

/** Prints what was done, and fails with every difference and the seed that leads to it. */
export async function checkHistories(check: HistoryCheck): Promise<void> {
  const { firstSeed, count, newUsers, farServer, run } = check;
  const happened = new Map<string, number>();
  const refused = new Map<string, number>();
  const failures: string[] = [];
  let users: readonly MatrixHttp[] = [];
  let others: readonly MatrixHttp[] = [];
  for (let at = 0; at < count; at += 1) {
    if (at % historiesPerUsers === 0) {
      users = await newUsers();
      others = await Promise.all(users.map((user) => logIn(user.baseUrl, user.userId)));
    }
    const seed = firstSeed + at;
    const mayLoseState = (roomId: string): boolean => farServer.hasRoom(roomId);
    const clients = users.map((user, index) =>
      clientOf([user, others[index] ?? user], seed + index, { happened, mayLoseState }),
    );
    await Promise.all(clients.map((client) => client.sync()));
    const result = await run({ users, farServer }, randomHistory(seed, options), async ({ by, isLost }) => {
      await (isLost ? clients[by]?.loseAnswer() : clients[by]?.sync());
    });
    addAll(happened, result.done);
    addAll(refused, result.refused);
    for (const [index, client] of clients.entries()) {
      const who = `CAUSEWAY_TEST_SEED=${seed}, u${index}, ${client.habit.name}`;
      failures.push(...(await client.findDifferences()).map((difference) => `${who}: ${difference}`));
    }
  }
  const resolutions = await farServer.countResolutions();
  if (resolutions > 0) add(happened, 'state resolution', resolutions);
  console.log(`seeds from ${firstSeed}: ${count} histories`, Object.fromEntries(happened));
  console.log('refused', Object.fromEntries(refused));
  const needed = [
    ...(count >= enoughForForks ? forkExperiences : []),
    ...(count >= enoughForAll ? [...operationKinds, ...experiences] : []),
  ];
  const missing = needed.filter((what) => !happened.has(what));
  assert.deepEqual(missing, [], 'this happens in so many histories');
  assert.equal(failures.length, 0, failures.join('\n'));
}

function addAll(to: Map<string, number>, from: HistoryRun['done']): void {
  for (const [what, times] of from) add(to, what, times);
}

/** Every kind of client meets every role, as seeds go on. */
function clientOf(
  devices: readonly [MatrixHttp, MatrixHttp],
  number: number,
  on: ConstructorParameters<typeof SyncClient>[2],
): SyncClient {
  const habit = clientHabits[number % clientHabits.length];
  assert.ok(habit);
  const [ask, askAfresh] = devices.map(({ baseUrl, accessToken }) => askServer(baseUrl, accessToken));
  assert.ok(ask && askAfresh);
  return new SyncClient(habit, { ask, askAfresh }, on);
}

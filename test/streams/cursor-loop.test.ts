/** Proves that background work has one effect, whoever owns it, also when an owner is paused and wakes up (R9). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { persistCursor } from '#storage/stream-cursors.ts';
import { CursorLoop } from '#streams/cursor-loop.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';
import { openSession, registerUser } from '#test/support/matrix-http.ts';
import { asObject } from '#test/support/matrix-shapes.ts';
import { sendSignal } from '#test/support/processes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const NAME = 'test';
const logger = createLogger('silent');
const runOut = statement<unknown>('test_lease_runs_out', `update leases set until = 1 where kind = '${NAME}'`);

test('an owner that was paused beyond its lease, in the middle of a step, has no effect when it goes on', async () => {
  await using created = await createMigratedDatabase();
  await using database = openDatabase(created.connection, { poolSize: 8, logger });
  const effects: string[] = [];
  const paused = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const outcomes: (number | undefined)[] = [];
  const loop = (owner: string, beforeWriting: () => Promise<void>): CursorLoop =>
    new CursorLoop(
      { database, clock: systemClock, logger, horizon: () => 3 },
      {
        name: NAME,
        step: async (after, isOwner) => {
          await beforeWriting();
          const done = await database.transaction(async (tx) => {
            if (!(await isOwner(tx)) || !(await persistCursor(tx, NAME, after, after + 1))) return undefined;
            effects.push(`${after + 1} by ${owner}`);
            return after + 1;
          });
          if (owner === 'one') outcomes.push(done);
          return done;
        },
      },
    );
  await using one = loop('one', async () => {
    paused.resolve();
    await goOn.promise;
  });
  await paused.promise;
  await database.query(runOut, []);
  // It takes the lease over, but is itself still before its first effect when the paused one goes on.
  const ready = Promise.withResolvers<void>();
  const write = Promise.withResolvers<void>();
  await using other = loop('other', async () => {
    ready.resolve();
    await write.promise;
  });
  await ready.promise;
  goOn.resolve();
  const isDone = other.reach(3, 20_000);
  for (let turns = 0; outcomes.length === 0 && turns < 2_000; turns++) await database.query(runNothing, []);
  // Before anything is asserted, so that a failure does not leave it waiting.
  write.resolve();
  assert.equal(await isDone, true);
  assert.equal(outcomes[0], undefined, 'the cursor alone would have let it write');
  assert.equal(await one.reach(3, 20_000), true, 'it sees what the other does');
  assert.deepEqual(effects, ['1 by other', '2 by other', '3 by other']);
});

const runNothing = statement<unknown>('test_nothing', 'select 1');

test('the search of a process that is stopped is taken over, and is whole when that process goes on', async () => {
  await using database = await createTestDatabase();
  await using first = await startServerProcess({ databaseUrl: database.url });
  const alice = await registerUser(first.baseUrl);
  const roomId = await alice.createRoom();
  const send = async (user: typeof alice, from: number): Promise<void> => {
    for (let n = from; n < from + 20; n++) await user.sendText(roomId, `haystack needle${n}`);
  };
  const count = async (user: typeof alice): Promise<unknown> => {
    const body = { search_categories: { room_events: { search_term: 'haystack' } } };
    const answer = await user.raw('POST', '/search', { body });
    return asObject(asObject(answer.body['search_categories'], 'categories')['room_events'], 'room_events')['count'];
  };
  await send(alice, 0);
  assert.equal(await count(alice), 20);
  await using second = await startServerProcess({ databaseUrl: database.url });
  const elsewhere = openSession(second.baseUrl, alice);
  await send(alice, 20);
  sendSignal(first.pid, 'SIGSTOP');
  try {
    await send(elsewhere, 40);
    // The lease of the one that is stopped runs out within ten seconds.
    let found = await count(elsewhere);
    for (let turns = 0; found !== 60 && turns < 20; turns++) found = await count(elsewhere);
    assert.equal(found, 60);
  } finally {
    sendSignal(first.pid, 'SIGCONT');
  }
  await send(alice, 60);
  assert.equal(await count(alice), 80);
  assert.equal(await count(elsewhere), 80);
});

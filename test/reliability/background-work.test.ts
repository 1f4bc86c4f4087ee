/** Proves that work in the background neither turns in circles nor is held up by one bad item. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { startWorkRunner, type WorkStep } from '#jobs/work-runner.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { persistWorkItem } from '#storage/work-items.ts';
import { CursorLoop } from '#streams/cursor-loop.ts';
import { until } from '#test/embedded/start.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const logger = createLogger('silent');
const restMs = 1_000;
const selectItems = statement<{ work_key: string; attempts: number; last_error: string | null }>(
  'test_select_work_items',
  'select work_key, attempts, last_error from work_items',
);

test('O12: work that finds nothing to do where it stands rests before it looks again, and ends when it is told to', async () => {
  await using on = await createMigratedDatabase();
  await using database = openDatabase(on.connection, { poolSize: 3, logger });
  const looks: number[] = [];
  {
    await using loop = new CursorLoop(
      // There is always something ahead, which the work never gets to.
      { database, clock: systemClock, logger, horizon: () => 100 },
      {
        name: 'circle',
        step: async (after) => {
          looks.push(systemClock.monotonicMs());
          return after;
        },
      },
    );
    await until(() => looks.length >= 3, 'the work has looked three times');
    assert.equal(await loop.reach(1, 1), false);
  }
  const rests = looks.slice(1).map((at, n) => at - (looks[n] ?? 0));
  // Somebody who waits may shorten the last rest.
  assert.ok(
    rests.slice(0, 2).every((ms) => ms >= restMs - 50),
    rests.join(' '),
  );
});

test('O26: an item whose work fails each time is put off, says why, and holds up none of the others', async () => {
  await using on = await createMigratedDatabase();
  await using database = openDatabase(on.connection, { poolSize: 5, logger });
  const kind = 'profile_changed';
  await database.transaction(async (tx) => {
    for (let n = 0; n < 100; n++) {
      const key = n % 20 === 0 ? `poison ${n}` : `good ${n}`;
      await persistWorkItem(tx, { kind, key, payload: n % 20 === 0 ? '\u0001' : '{}' }, 1);
    }
  });
  const done: string[] = [];
  const step: WorkStep = async (payload, { key }) => {
    if (payload !== '{}') throw new Error('it cannot be read');
    done.push(key);
    return undefined;
  };
  const steps = {
    account_deactivated: step,
    device_list_resync: step,
    devices_shared: step,
    profile_changed: step,
    guest_access_ended: step,
    room_purge: step,
    state_collection: step,
  };
  await using runner = startWorkRunner({ database, clock: systemClock, logger }, steps);
  runner.workWaiting();
  await until(
    async () => (await database.query(selectItems, [])).every(({ attempts }) => attempts > 0),
    'all was tried',
  );
  const left = await database.query(selectItems, []);
  assert.equal(done.length, 95);
  assert.equal(left.length, 5);
  for (const { work_key, last_error } of left) {
    assert.match(work_key, /^poison/);
    assert.match(last_error ?? '', /it cannot be read/);
  }
});

/** Proves against a real database that work is done, once it is asked for, until it is done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, type Clock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { startWorkRunner, type WorkStep } from '#jobs/work-runner.ts';
import { openDatabase, statement, type Database } from '#storage/database.ts';
import { claimWorkItem, deleteWorkItem, persistWorkItem, type WorkKind } from '#storage/work-items.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const logger = createLogger('silent');
const kind: WorkKind = 'account_deactivated';
const countItems = statement<{ count: number }>(
  'test_count_work_items',
  'select count(*)::int as count from work_items',
);

async function openWork() {
  const resources = new AsyncDisposableStack();
  const testDatabase = resources.use(await createMigratedDatabase());
  const database = resources.use(openDatabase(testDatabase.connection, { poolSize: 5, logger }));
  const start = (step: WorkStep, clock: Clock = systemClock) => {
    const steps = {
      account_deactivated: step,
      device_list_resync: step,
      devices_shared: step,
      profile_changed: step,
      guest_access_ended: step,
      room_purge: step,
      state_collection: step,
    };
    return startWorkRunner({ database, clock, logger }, steps);
  };
  const ask = (payload: string, now = systemClock.now()): Promise<void> =>
    database.transaction((tx) => persistWorkItem(tx, { kind, key: 'k', payload }, now));
  return { database, start, ask, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function untilDone(database: Database): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    if ((await database.query(countItems, []))[0]?.count === 0) return;
  }
  assert.fail('The work was not done.');
}

test('work is done in steps, each beginning where the last one ended', async () => {
  await using work = await openWork();
  const seen: string[] = [];
  await using runner = work.start(async (payload) => {
    seen.push(payload);
    return payload === '3' ? undefined : String(Number(payload) + 1);
  });
  await work.ask('1');
  runner.workWaiting();
  await untilDone(work.database);
  assert.deepEqual(seen, ['1', '2', '3']);
});

test('work that was asked for before the start is found', async () => {
  await using work = await openWork();
  await work.ask('1');
  await using runner = work.start(async () => undefined);
  await untilDone(work.database);
  runner.workWaiting();
});

test('a step that fails is tried again, later each time', async () => {
  await using work = await openWork();
  const time = { nowMs: 1_000_000 };
  const clock: Clock = { now: () => time.nowMs, monotonicMs: () => time.nowMs };
  const attempts: number[] = [];
  await using runner = work.start(async () => {
    attempts.push(time.nowMs);
    if (attempts.length < 3) throw new Error('not yet');
    return undefined;
  }, clock);
  await work.ask('1', time.nowMs);
  for (let tries = 0; tries < 2_000 && (await work.database.query(countItems, []))[0]?.count === 1; tries++) {
    time.nowMs += 100;
    runner.workWaiting();
  }
  assert.equal(attempts.length, 3);
  const [first = 0, second = 0, third = 0] = attempts;
  assert.ok(second - first >= 1_000 && third - second >= 2_000, attempts.join(' '));
});

test('what is asked for anew while it is done is done once more, from its beginning', async () => {
  await using work = await openWork();
  const seen: string[] = [];
  await using runner = work.start(async (payload) => {
    seen.push(payload);
    if (seen.length === 1) await work.ask('new');
    return undefined;
  });
  await work.ask('old');
  runner.workWaiting();
  await untilDone(work.database);
  assert.deepEqual(seen, ['old', 'new']);
});

test('work whose process died is taken up by another when its lease is over', async () => {
  await using work = await openWork();
  await work.ask('1', 1_000);
  const item = await claimWorkItem(work.database, [kind], 1_000, 61_000);
  assert.ok(item !== undefined);
  assert.equal(await claimWorkItem(work.database, [kind], 60_999, 120_999), undefined);
  const again = await claimWorkItem(work.database, [kind], 61_000, 121_000);
  assert.equal(again?.workNid, item.workNid);
  assert.equal(await deleteWorkItem(work.database, item), false, 'the first one comes too late');
  assert.ok(again !== undefined && (await deleteWorkItem(work.database, again)));
});

test('hundreds of items are each done by one of several processes', async () => {
  await using work = await openWork();
  const seen: string[] = [];
  const step: WorkStep = async (_payload, { key }) => {
    seen.push(key);
    return undefined;
  };
  await work.database.transaction(async (tx) => {
    for (let key = 0; key < 200; key++) await persistWorkItem(tx, { kind, key: String(key), payload: '' }, 1);
  });
  await using one = work.start(step);
  await using other = work.start(step);
  for (let count = 0; count < 10; count++) for (const runner of [one, other]) runner.workWaiting();
  await untilDone(work.database);
  assert.equal(seen.length, 200);
  assert.equal(new Set(seen).size, 200);
});

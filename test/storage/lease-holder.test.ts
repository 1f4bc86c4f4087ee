/** Proves that of several processes one holds a lease, and keeps it only as long as it renews it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, type Clock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { LeaseHolder } from '#storage/lease-holder.ts';
import { createMigratedDatabase } from '#test/storage/migrated-database.ts';

const expire = statement<unknown>('test_expire_lease', 'update leases set until = 1');
const takeAway = statement<unknown>('test_take_lease', `update leases set owner = 'somebody', until = 9e15`);

test('a lease has one holder, who hears of losing it at the next renewal', async () => {
  await using testDatabase = await createMigratedDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 2, logger: createLogger('warn') });
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const holder = () =>
    new LeaseHolder({ database, clock }, { kind: 'test', shard: '0' }, { leaseMs: 60_000, renewMs: 20_000 });
  const [one, other] = [holder(), holder()];
  assert.equal(await one.hold(), 'anew');
  assert.equal(await other.hold(), 'no');
  assert.equal(await one.hold(), 'still');
  nowMs += 20_000;
  assert.equal(await one.hold(), 'still');
  await one.end();
  assert.equal(await other.hold(), 'anew');
  await database.query(expire, []);
  assert.equal(await one.hold(), 'anew');
  await database.query(takeAway, []);
  assert.equal(await one.hold(), 'still', 'between renewals nobody asks');
  nowMs += 20_000;
  assert.equal(await one.hold(), 'no');
});

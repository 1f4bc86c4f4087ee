/** Proves that work has one owner at a time, and that one who was paused beyond its lease has no effect any more (R9). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement, type Database } from '#storage/database.ts';
import { lockLease, persistLease, persistLeaseEnd } from '#storage/leases.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const name = { kind: 'test', shard: '0' };
const LEASE_MS = 10_000;
const runOut = statement<unknown>('test_lease_runs_out', `update leases set until = 1 where kind = 'test'`);

async function prepare() {
  const stack = new AsyncDisposableStack();
  const { connection } = stack.use(await createMigratedDatabase());
  const database: Database = stack.use(openDatabase(connection, { poolSize: 4, logger: createLogger('silent') }));
  return { database, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('a lease is one owner’s until it runs out or is given up, and each new owner has a greater fence', async () => {
  await using parts = await prepare();
  const { database } = parts;
  assert.equal(await persistLease(database, name, 'one', LEASE_MS), 1);
  assert.equal(await persistLease(database, name, 'other', LEASE_MS), undefined);
  assert.equal(await persistLease(database, name, 'one', LEASE_MS), 1, 'renewed, it is the same lease');
  await database.query(runOut, []);
  assert.equal(await persistLease(database, name, 'other', LEASE_MS), 2);
  assert.equal(await persistLease(database, name, 'one', LEASE_MS), undefined);
  await persistLeaseEnd(database, name, 'one');
  assert.equal(await persistLease(database, name, 'one', LEASE_MS), undefined, 'only its owner gives it up');
  await persistLeaseEnd(database, name, 'other');
  assert.equal(await persistLease(database, name, 'one', LEASE_MS), 3);
  assert.equal(await persistLease(database, { ...name, shard: '1' }, 'other', LEASE_MS), 1, 'each shard has its own');
});

test('the fence of a lease that was taken over proves nothing any more', async () => {
  await using parts = await prepare();
  const { database } = parts;
  const isOwner = (fence: number): Promise<boolean> => database.transaction((tx) => lockLease(tx, name, fence));
  assert.equal(await persistLease(database, name, 'one', LEASE_MS), 1);
  assert.equal(await isOwner(1), true);
  await database.query(runOut, []);
  assert.equal(await isOwner(1), true, 'while nobody has taken it over, what its owner does harms nobody');
  assert.equal(await persistLease(database, name, 'other', LEASE_MS), 2);
  assert.deepEqual([await isOwner(1), await isOwner(2)], [false, true]);
});

test('nobody takes a lease over while its owner writes', async () => {
  await using parts = await prepare();
  const { database } = parts;
  await persistLease(database, name, 'one', LEASE_MS);
  await database.query(runOut, []);
  let hasWritten = false;
  let taking: Promise<boolean> | undefined;
  await database.transaction(async (tx) => {
    assert.equal(await lockLease(tx, name, 1), true);
    taking = persistLease(database, name, 'other', LEASE_MS).then(() => hasWritten);
    // A round trip on another connection: the other one waits by now, or is about to.
    await database.query(statement('test_nothing', 'select 1'), []);
    hasWritten = true;
  });
  assert.equal(await taking, true);
});

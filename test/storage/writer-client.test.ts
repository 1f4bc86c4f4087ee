/** Owns the tests of the connection that a writer writes on. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createLogger } from '#core/logger.ts';
import { isConnectionLost } from '#storage/database-errors.ts';
import { openDatabase } from '#storage/database.ts';
import { createWriterClient } from '#storage/writer-client.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const logger = createLogger('silent');

it('a writer that stands still inside a transaction is ended, so that its locks are free, and connects again', async () => {
  await using testDatabase = await createTestDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 1, logger });
  await using writer = createWriterClient({ database, logger });
  const client = await writer.get();
  const ended = new Promise((resolve) => client.once('error', resolve));
  await client.query('begin');
  await client.query('select pg_advisory_xact_lock(1, 1)');
  assert.ok(isConnectionLost(await ended), 'its owner repeats the write, as after any loss of the connection');
  const again = await writer.get();
  assert.notEqual(again, client);
  const { rows } = await again.query('select pg_try_advisory_xact_lock(1, 1) as free');
  assert.deepEqual(rows, [{ free: true }]);
});

it('statements that a transaction of the pool sends together run one after the other, without a warning', async () => {
  await using testDatabase = await createTestDatabase();
  await using database = openDatabase(testDatabase.connection, { poolSize: 1, logger });
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', onWarning);
  const numbers = await database.transaction((tx) =>
    Promise.all([1, 2, 3, 4].map((n) => tx.query({ name: `number_${n}`, text: `select ${n} as n` }, []))),
  );
  process.off('warning', onWarning);
  assert.deepEqual(numbers.flat(), [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  assert.deepEqual(warnings, []);
});

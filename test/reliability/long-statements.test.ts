/** Proves that no connection of the server may hold up the others: in a transaction, waiting for a lock, or in a statement. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement, txOn } from '#storage/database.ts';
import { createWriterClient } from '#storage/writer-client.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const logger = createLogger('silent');
const selectLimits = statement<{ idle: string; lock: string; statement: string }>(
  'test_select_limits',
  `select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('lock_timeout') as lock,
     current_setting('statement_timeout') as statement`,
);

test('O31: transactions, locks and statements end by themselves, of requests and of writers', async () => {
  await using on = await createMigratedDatabase();
  await using database = openDatabase(on.connection, { poolSize: 2, queryMsMax: 15_000, logger });
  const limits = { idle: '5s', lock: '2s', statement: '15s' };
  assert.deepEqual(await database.query(selectLimits, []), [limits]);
  await using writer = createWriterClient({ database, logger });
  // A writer holds what all the others wait for, so that it is given less time to stand still.
  assert.deepEqual(await txOn(await writer.get()).query(selectLimits, []), [{ ...limits, idle: '700ms' }]);
});

/** Owns what one more process of a server has for reading, in the test's own process: the statements it sends are seen. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { createPushRulesOf } from '#notifications/push-rules/rules-cache.ts';
import { openDatabase, type Database } from '#storage/database.ts';
import { createNidAllocator } from '#storage/nid-allocator.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import { ensureSecret } from '#storage/server-identity.ts';
import { openStreams } from '#streams/streams.ts';
import { createUnreadCounts } from '#sync/unread/unread-counts.ts';
import type { TestDatabase } from '#test/support/test-database.ts';
import { createIgnoredUsers } from '#users/ignored-users.ts';

/** `asked` gathers the statements' names. The database must be migrated. */
export async function openReadingProcess(on: TestDatabase) {
  const resources = new AsyncDisposableStack();
  const logger = createLogger('warn');
  const plain = resources.use(openDatabase(on.connection, { poolSize: 5, logger }));
  const asked: string[] = [];
  const database: Database = {
    ...plain,
    query: (statement, values) => {
      asked.push(statement.name);
      return plain.query(statement, values);
    },
  };
  const secret = await plain.transaction((tx) => ensureSecret(tx, 'state_trie_slots', randomBytes(4)));
  const tries = createStateTries({ nids: createNidAllocator(database), secret: secret.readInt32BE(0) });
  const streams = resources.use(await openStreams({ database, tries, clock: systemClock, logger }));
  const ignoredUsers = createIgnoredUsers({ database, streams });
  const pushRulesOf = createPushRulesOf({ database, streams });
  const newCounts = () => createUnreadCounts({ database, tries, streams, pushRulesOf, ignoredUsers });
  const close = (): Promise<void> => resources.disposeAsync();
  return { database, tries, streams, ignoredUsers, asked, newCounts, [Symbol.asyncDispose]: close };
}

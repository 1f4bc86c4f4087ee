/** Owns the proof that two people can talk while each is connected to another process of the same homeserver. */
import { test } from 'node:test';
import { holdConversation } from '#test/conversation/conversation.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

test('two clients on two server processes over one database hold a conversation', async () => {
  await using database = await createTestDatabase();
  // One after the other, as an operator does it: the first migrates.
  await using first = await startServerProcess({ databaseUrl: database.url });
  await using second = await startServerProcess({ databaseUrl: database.url });
  await holdConversation({ aliceUrl: first.baseUrl, bobUrl: second.baseUrl, expectedVersion: '12' });
  await first.stop();
  await second.stop();
});

/** Owns the proof that two people with real clients can talk through one server. */
import { after, before, describe, it } from 'node:test';
import { holdConversation } from '#test/conversation/conversation.ts';
import { startServerOnFreshDatabase, type ServerProcess } from '#test/support/server-process.ts';

describe('two matrix-js-sdk clients on one server', () => {
  let server: ServerProcess;

  before(async () => {
    server = await startServerOnFreshDatabase();
  });

  after(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('hold a conversation in a room of the default version, which is 12', async () => {
    await holdConversation({ aliceUrl: server.baseUrl, bobUrl: server.baseUrl, expectedVersion: '12' });
  });

  it('hold a conversation in a room of version 10', async () => {
    await holdConversation({
      aliceUrl: server.baseUrl,
      bobUrl: server.baseUrl,
      roomVersion: '10',
      expectedVersion: '10',
    });
  });
});

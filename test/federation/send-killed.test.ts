/** Proves what becomes of events on their way to other servers when the server that sends them, or gets them, ends. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { changeMembership } from '#test/federation/peer-member.ts';
import { acknowledge, messagesOf, sendPath, transactionsOf, until } from '#test/federation/sending.ts';
import { startFederation } from '#test/support/federated-servers.ts';
import { encode, logIn, registerUser } from '#test/support/matrix-http.ts';
import { startPeer } from '#test/support/peer.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';
import { findFreePort, startServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { writeTlsFiles } from '#test/support/test-authority.ts';

const numbered = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${name} ${from + index}`);

test('R2: a process that is killed between sending and acknowledgement is followed by another, which sends the same again', async () => {
  using directory = makeTemporaryDirectory();
  await using database = await createMigratedDatabase();
  await using peer = await startPeer();
  const tlsPort = await findFreePort();
  const name = `hs1.localhost:${tlsPort}`;
  const env = {
    CAUSEWAY_SERVER_NAME: name,
    CAUSEWAY_NETWORK_ALLOW_RANGES: '127.0.0.0/8',
    ...writeTlsFiles(directory.path, 'hs1.localhost'),
  };
  const start = (listenPort: number, dataDir: string) =>
    startServerProcess({
      databaseUrl: database.url,
      dataDir: path.join(directory.path, dataDir),
      env: { ...env, CAUSEWAY_TLS_LISTEN: `127.0.0.1:${listenPort}` },
    });
  await using killed = await start(tlsPort, 'one');
  await using other = await start(await findFreePort(), 'other');
  acknowledge(peer);
  const alice = await registerUser(killed.baseUrl, 'alice');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await changeMembership(peer, { name }, 'join', roomId, peer.userId('bob'));
  await alice.sendText(roomId, 'message 0');
  await until(() => messagesOf(peer).length === 1);
  // From here on it takes what it is sent, and does not say so.
  let held = 0;
  peer.answer('PUT', sendPath, () => {
    held += 1;
    return new Promise(() => undefined);
  });
  for (const body of numbered('message', 1, 20)) await alice.sendText(roomId, body);
  await until(() => held === 1);
  const underWay = transactionsOf(peer).at(-1);
  await killed.kill('SIGKILL');
  const again = await logIn(other.baseUrl, 'alice');
  for (const body of numbered('message', 20, 30)) await again.sendText(roomId, body);
  assert.equal(held, 1);
  const before = transactionsOf(peer).length;
  acknowledge(peer);
  await until(() => messagesOf(peer).length >= 30);
  assert.deepEqual(messagesOf(peer), numbered('message', 0, 30));
  const repeated = transactionsOf(peer)[before];
  assert.deepEqual([repeated?.txnId, repeated?.bodyText], [underWay?.txnId, underWay?.bodyText]);
});

test('two servers tell each other everything in order, and one that was stopped is told what it missed', async () => {
  await using federation = await startFederation(2);
  const [near, far] = federation.servers;
  assert.ok(near && far);
  const alice = await near.newUser('alice');
  const bob = await far.newUser('bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const joined = await bob.raw('POST', `/join/${encode(roomId)}?via=${encode(near.name)}`, { body: {} });
  assert.equal(joined.status, 200, joined.bodyText);
  const seenBy = async (viewer: typeof alice, sender: string): Promise<unknown[]> =>
    (await viewer.getHistory(roomId))
      .filter((event) => event.type === 'm.room.message' && event.sender === sender)
      .map(({ content }) => content['body']);
  const sendAll = async (user: typeof alice, bodies: readonly string[]): Promise<void> => {
    for (const body of bodies) await user.sendText(roomId, body);
  };
  await Promise.all([sendAll(alice, numbered('alice', 0, 40)), sendAll(bob, numbered('bob', 0, 40))]);
  const agree = async (count: number): Promise<boolean> =>
    (await seenBy(bob, alice.userId)).length >= count && (await seenBy(alice, bob.userId)).length >= 40;
  await until(() => agree(40));
  await far.stop();
  await sendAll(alice, numbered('alice', 40, 70));
  await far.start();
  await until(() => agree(70));
  for (const viewer of [alice, bob]) {
    assert.deepEqual(await seenBy(viewer, alice.userId), numbered('alice', 0, 70));
    assert.deepEqual(await seenBy(viewer, bob.userId), numbered('bob', 0, 40));
  }
});

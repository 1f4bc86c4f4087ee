/** Proves that what was acknowledged to another server outlives the process that acknowledged it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerRoom, sendTransaction, syncUntil } from '#test/federation/peer-room.ts';
import { registerUser } from '#test/support/matrix-http.ts';
import { startPeer } from '#test/support/peer.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { findFreePort, startServerProcess, type ServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { writeTlsFiles } from '#test/support/test-authority.ts';

const KILLS = Number(process.env['CAUSEWAY_TEST_KILLS'] ?? 2);
const ROUND = 25;

test('O6: a server that is killed while events come in loses and doubles none that it has acknowledged', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`seed ${seed}`);
  const random = seededNumbers(seed);
  using directory = makeTemporaryDirectory();
  await using database = await createMigratedDatabase();
  await using peer = await startPeer();
  const [port, tlsPort] = [await findFreePort(), await findFreePort()];
  const name = `hs1.localhost:${tlsPort}`;
  const start = (): Promise<ServerProcess> =>
    startServerProcess({
      databaseUrl: database.url,
      port,
      env: {
        CAUSEWAY_SERVER_NAME: name,
        CAUSEWAY_TLS_LISTEN: `127.0.0.1:${tlsPort}`,
        CAUSEWAY_NETWORK_ALLOW_RANGES: '127.0.0.0/8',
        ...writeTlsFiles(directory.path, 'hs1.localhost'),
      },
    });
  let server = await start();
  try {
    const alice = await registerUser(server.baseUrl, 'alice');
    const room = await PeerRoom.create(peer, { name, database }, alice);
    const sent: string[] = [];
    for (let round = 0; round <= KILLS; round++) {
      const killAfter = Math.floor(random() * ROUND);
      for (let count = 0; count < ROUND; count++) {
        const message = room.say(`message ${sent.length}`);
        sent.push(message.eventId);
        const send = () => sendTransaction(peer, { name }, { txnId: `n${sent.length}`, pdus: [message] });
        const first = send().catch(() => undefined);
        if (count === killAfter && round < KILLS) {
          // Mostly in the middle of it, sometimes just after the answer.
          await Promise.race([first, new Promise((resolve) => setTimeout(resolve, random() * 10))]);
          await server.kill('SIGKILL');
          await server[Symbol.asyncDispose]();
          server = await start();
        }
        // What was not answered is sent again, as a sender does.
        const answer = (await first) ?? (await send());
        assert.deepEqual([answer.status, answer.body], [200, { pdus: { [message.eventId]: {} } }]);
      }
    }
    await syncUntil(alice, undefined, room.roomId, sent.at(-1) ?? '');
    const history = (await alice.getHistory(room.roomId)).filter(({ type }) => type === 'm.room.message');
    assert.deepEqual(
      history.map((event) => event.event_id),
      sent,
    );
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

/** Proves that running out of file descriptors ends nothing: the server takes connections again when there are some. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '#test/embedded/start.ts';
import { registerUser, uniqueName } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const filesMax = 256;
const clients = 400;

async function countOpenFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

test('R30: with no file descriptor left the server lives on, and serves and leaks nothing when they are back', async (context) => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url, openFilesMax: filesMax });
  const alice = await registerUser(server.baseUrl, uniqueName('alice'));
  const roomId = await alice.createRoom();
  const before = await countOpenFiles(server.pid);
  const sockets: Socket[] = [];
  try {
    for (let n = 0; n < clients; n++) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    }
    await until(async () => (await countOpenFiles(server.pid)) >= filesMax - 2, 'the server had no descriptor left');
    context.diagnostic(`${await countOpenFiles(server.pid)} of ${filesMax} files were open`);
    assert.ok(server.isRunning());
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  await until(async () => (await countOpenFiles(server.pid)) <= before + 5, 'the descriptors were given back');
  assert.ok(server.isRunning(), server.output());
  const eventId = await alice.sendText(roomId, 'still here');
  assert.equal((await alice.getHistory(roomId)).at(-1)?.event_id, eventId);
  await server.stop();
});

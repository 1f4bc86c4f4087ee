/** Proves that an operator can remove a room beside the running server, and that a forgotten one goes by itself if configured. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openDatabase, type Database } from '#storage/database.ts';
import { createLogger } from '#core/logger.ts';
import { assertError, encode, openSession, registerUser, uniqueName } from '#test/support/matrix-http.ts';
import { once } from '#test/rooms/rows-of-rooms.ts';
import { startServerProcess, testServerName } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const run = promisify(execFile);

/** Lets the time pass that the work waits for, until it is done. */
async function awaitPurged(database: Database, roomId: string): Promise<void> {
  const hurry = once<never>(`update work_items set due_at = 0 where kind = 'room_purge' and due_at > 0`);
  const left = once<{ count: number }>(
    `select ((select count(*) from rooms where room_id = $1) + (select count(*) from work_items))::int as count`,
  );
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    if ((await database.query(left, [roomId]))[0]?.count === 0) return;
    await database.query(hurry, []);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail('The room was not purged.');
}

test('a room that is purged is nowhere to be found, and tokens of before go on, after a restart too', async () => {
  await using on = await createTestDatabase();
  await using database = openDatabase(on.connection, { poolSize: 2, logger: createLogger('error') });
  const start = () => startServerProcess({ databaseUrl: on.url, env: { CAUSEWAY_ROOMS_PURGE_FORGOTTEN: 'true' } });
  const env = { ...process.env, CAUSEWAY_DATABASE_URL: on.url, CAUSEWAY_SERVER_NAME: testServerName };
  const purgeRoom = (...args: string[]) => run(process.execPath, ['src/bin.js', 'purge-room', ...args], { env });
  let token = '';
  let session: Awaited<ReturnType<typeof registerUser>> | undefined;
  {
    await using server = await start();
    const alice = await registerUser(server.baseUrl);
    const bob = await registerUser(server.baseUrl);
    session = bob;
    const name = uniqueName('alias');
    const roomId = await alice.createRoom({ preset: 'public_chat', visibility: 'public', room_alias_name: name });
    await bob.join(roomId);
    await bob.sendText(roomId, 'hello');
    await assert.rejects(purgeRoom(roomId), /Users of this server are in the room/);
    await assert.rejects(purgeRoom('!nowhere:hs1.test'), /does not know the room/);
    for (const user of [alice, bob]) await user.leave(roomId);
    // The newest position there is belongs to the room that goes.
    token = (await bob.sync()).nextBatch;
    assert.match((await purgeRoom(roomId)).stdout, /will be removed/);
    await awaitPurged(database, roomId);

    const alias = encode(`#${name}:${testServerName}`);
    assertError(await bob.raw('GET', `/directory/room/${alias}`), 404, 'M_NOT_FOUND');
    assertError(await bob.raw('POST', `/join/${alias}`, { body: {} }), 404, 'M_NOT_FOUND');
    assertError(await bob.raw('GET', `/rooms/${encode(roomId)}/messages`, { query: { dir: 'b' } }), 403, 'M_FORBIDDEN');
    const listed = await bob.raw('GET', '/publicRooms');
    assert.ok(listed.status === 200 && !listed.bodyText.includes(roomId));
    assert.equal((await bob.sync({ since: token })).join.size, 0);

    const own = await alice.createRoom();
    await alice.leave(own);
    assert.equal((await alice.raw('POST', `/rooms/${encode(own)}/forget`, { body: {} })).status, 200);
    await awaitPurged(database, own);
  }
  await using again = await start();
  const bob = openSession(again.baseUrl, session);
  const answer = await bob.sync({ since: token });
  const roomId = await bob.createRoom();
  assert.ok((await bob.sync({ since: answer.nextBatch })).join.has(roomId));
});

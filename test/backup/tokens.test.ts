/** Proves what sync tokens of another life of the database mean. Row R28 of the reference on reliability. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSyncToken } from '#streams/sync-token.ts';
import { runCommand } from '#test/backup/commands.ts';
import { assertError, openSession, registerUser } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

test('after an earlier state came back by other means, "causeway restored" makes later tokens good', async () => {
  await using database = await createTestDatabase();
  const start = () => startServerProcess({ databaseUrl: database.url });
  await using former = await start();
  const session = await registerUser(former.baseUrl);
  const roomId = await session.createRoom();
  const { nextBatch } = await session.sync();
  await former.stop();
  assert.match(await runCommand(['restored'], { databaseUrl: database.url }), /^Noted/);

  await using server = await start();
  const alice = openSession(server.baseUrl, session);
  const parsed = parseSyncToken(nextBatch);
  assert.ok(parsed);
  // As if it had been given after the state that came back.
  const late = nextBatch.replace(/\d+(?=\.|$)/g, (number, at) => (at < 5 ? number : String(Number(number) + 100)));
  const answer = await alice.sync({ since: late });
  assert.equal(answer.join.size, 0);
  const eventId = await alice.sendText(roomId, 'hello');
  const { join } = await alice.sync({ since: answer.nextBatch, timeout: 20_000 });
  assert.deepEqual(
    join.get(roomId)?.timeline.map(({ event_id }) => event_id),
    [eventId],
  );
});

test('a token that this life of the database cannot have given is answered with everything, and nonsense is not', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  const alice = await registerUser(server.baseUrl);
  const bob = await registerUser(server.baseUrl);
  const [roomId, left] = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom()];
  await bob.join(roomId);
  await alice.leave(left);
  const { nextBatch } = await alice.sync();
  const of = (epoch: string, pos: string): string => nextBatch.replace(/^v1\.\d+\.\d+/, `v1.${epoch}.${pos}`);
  const own = String(parseSyncToken(nextBatch)?.epoch);
  for (const token of [of('1', '5'), of('9999999999999999', '9999999999999999'), of(own, '999999999')]) {
    const answer = await alice.sync({ since: token });
    const room = answer.join.get(roomId);
    const members = [...(room?.state ?? []), ...(room?.timeline ?? [])].filter(({ type }) => type === 'm.room.member');
    assert.deepEqual(
      members.map(({ state_key }) => state_key),
      [alice.userId, bob.userId],
      token,
    );
    assert.ok(answer.leave.has(left), 'the client hears which of its rooms it is not in');
    assert.equal((await alice.sync({ since: answer.nextBatch })).join.size, 0);
  }
  for (const token of ['v1', 'v1.', 'v2.1.5', of('1', '-5'), of('x', '5')]) {
    assertError(await alice.raw('GET', '/sync', { query: { since: token } }), 400, 'M_INVALID_PARAM');
  }
});

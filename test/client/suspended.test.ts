/** Owns the test of what a suspended account may still do in rooms. Specification: "Account suspension". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { assertError, encode, logIn, registerUser, type Answer } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

test('V45: a suspended account reads, leaves and takes back what it said, and changes nothing else in rooms', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  const alice = await registerUser(server.baseUrl, 'alice');
  const active = await registerUser(server.baseUrl, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const other = await alice.createRoom({ preset: 'public_chat' });
  const invited = await alice.createRoom({ invite: [active.userId] });
  await active.join(roomId);
  const [ofBob, ofAlice] = [await active.sendText(roomId, 'by Bob'), await alice.sendText(roomId, 'by Alice')];
  const levels = await alice.getState(roomId, 'm.room.power_levels');
  await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { [active.userId]: 100 } });

  const client = new Client(database.connection);
  await client.connect();
  await client.query(
    'update accounts set suspended_at = 1 where user_nid = (select user_nid from users where user_id = $1)',
    [active.userId],
  );
  await client.end();
  // A new session: that of before may be remembered as active for some seconds.
  const bob = await logIn(server.baseUrl, 'bob');
  const room = `/rooms/${encode(roomId)}`;
  const post = (path: string, body: object = {}): Promise<Answer> => bob.raw('POST', path, { body });
  for (const refused of [
    await post(`/join/${encode(other)}`),
    await post(`/rooms/${encode(invited)}/join`),
    await post(`/knock/${encode(other)}`),
    await post('/createRoom'),
    await post(`${room}/invite`, { user_id: alice.userId }),
    await post(`${room}/kick`, { user_id: alice.userId }),
    await post(`${room}/ban`, { user_id: alice.userId }),
    await post(`${room}/upgrade`, { new_version: '12' }),
    await bob.raw('PUT', `${room}/send/m.room.message/t1`, { body: { msgtype: 'm.text', body: 'x' } }),
    await bob.raw('PUT', `${room}/state/m.room.name`, { body: { name: 'x' } }),
    await bob.raw('PUT', `/directory/room/${encode('#mine:hs1.test')}`, { body: { room_id: roomId } }),
    await bob.raw('PUT', `/directory/list/room/${encode(roomId)}`, { body: { visibility: 'public' } }),
    await bob.raw('PUT', `${room}/redact/${encode(ofAlice)}/t2`, { body: {} }),
  ]) {
    assertError(refused, 403, 'M_USER_SUSPENDED');
  }
  assert.ok((await bob.getHistory(roomId)).some((event) => event.event_id === ofAlice));
  await bob.redact(roomId, ofBob);
  await bob.leave(invited);
  await bob.leave(roomId);
  const history = await alice.getHistory(roomId);
  assert.deepEqual(history.find((event) => event.event_id === ofBob)?.content, {});
  assert.equal((await alice.getState(invited, 'm.room.member', bob.userId))['membership'], 'leave');
  assert.equal((await post(`${room}/forget`)).status, 200);
});

/** Owns the tests of typing. Specification: "Typing Notifications". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { SyncAnswer } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { contentsOfRoom } from '#test/support/sync-sections.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

async function type(user: MatrixHttp, roomId: string, body: object): Promise<void> {
  const answer = await user.raw('PUT', `/rooms/${encode(roomId)}/typing/${encode(user.userId)}`, { body });
  assert.equal(answer.status, 200, answer.bodyText);
}

function typistsIn(answer: SyncAnswer, roomId: string): unknown {
  return contentsOfRoom(answer, roomId, 'ephemeral')['m.typing']?.['user_ids'];
}

async function meet(alice: MatrixHttp, bob: MatrixHttp): Promise<string> {
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId);
  return roomId;
}

describe('typing', () => {
  const server = useSuiteServer();

  it('wakes the room when it begins, when it is said to end, and when its time is over', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await meet(alice, bob);
    const { nextBatch } = await bob.sync();
    const waiting = bob.sync({ since: nextBatch, timeout: 20_000 });
    await type(alice, roomId, { typing: true, timeout: 30_000 });
    const began = await waiting;
    assert.deepEqual(typistsIn(began, roomId), [alice.userId]);
    assert.deepEqual(typistsIn(await alice.sync(), roomId), [alice.userId]);
    await type(alice, roomId, { typing: true, timeout: 30_000 });
    assert.equal(typistsIn(await bob.sync({ since: began.nextBatch }), roomId), undefined, 'to go on is no news');
    const ending = bob.sync({ since: began.nextBatch, timeout: 20_000 });
    await type(alice, roomId, { typing: false });
    const ended = await ending;
    assert.deepEqual(typistsIn(ended, roomId), []);
    await type(alice, roomId, { typing: true, timeout: 100 });
    const shortly = await bob.sync({ since: ended.nextBatch });
    const expired = await bob.sync({ since: shortly.nextBatch, timeout: 20_000 });
    assert.deepEqual(typistsIn(expired, roomId), []);
    const filter = { room: { ephemeral: { not_rooms: [roomId] } } };
    await type(alice, roomId, { typing: true });
    assert.equal(typistsIn(await bob.sync({ filter }), roomId), undefined);
  });

  it('is said of oneself only, in rooms that one is in', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    const path = (user: MatrixHttp): string => `/rooms/${encode(roomId)}/typing/${encode(user.userId)}`;
    const body = { typing: true };
    assertError(await bob.raw('PUT', path(alice), { body }), 403, 'M_FORBIDDEN');
    assertError(await bob.raw('PUT', path(bob), { body }), 403, 'M_FORBIDDEN');
    assertError(await alice.raw('PUT', path(alice), { body: {} }), 400);
  });
});

it('typing ends for users of another process when its own process is gone', async () => {
  await using database = await createTestDatabase();
  await using first = await startServerProcess({ databaseUrl: database.url });
  await using second = await startServerProcess({ databaseUrl: database.url });
  const [alice, bob] = [await registerUser(first.baseUrl), await registerUser(second.baseUrl)];
  const roomId = await meet(alice, bob);
  const { nextBatch } = await bob.sync();
  const waiting = bob.sync({ since: nextBatch, timeout: 20_000 });
  await type(alice, roomId, { typing: true, timeout: 2_000 });
  const began = await waiting;
  assert.deepEqual(typistsIn(began, roomId), [alice.userId]);
  await first.kill('SIGKILL');
  const ended = await bob.sync({ since: began.nextBatch, timeout: 20_000 });
  assert.deepEqual(typistsIn(ended, roomId), []);
});

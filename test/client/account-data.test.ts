/** Owns the tests of account data, tags and ignored users. Specification: "Client Config", "Room Tagging". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, logIn, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { contentsOf, contentsOfRoom } from '#test/support/sync-sections.ts';

function pathOf(user: MatrixHttp, type: string, roomId?: string): string {
  const room = roomId === undefined ? '' : `/rooms/${encode(roomId)}`;
  return `/user/${encode(user.userId)}${room}/account_data/${encode(type)}`;
}

async function set(user: MatrixHttp, type: string, content: object, roomId?: string): Promise<void> {
  const answer = await user.raw('PUT', pathOf(user, type, roomId), { body: content });
  assert.equal(answer.status, 200, answer.bodyText);
}

describe('account data', () => {
  const server = useSuiteServer();

  it('is read back, told to every device once, and told anew when it changes', async () => {
    const [alice] = await server.newUsers('alice');
    const other = await logIn(server.baseUrl, alice.userId);
    const before = await other.sync();
    assert.ok('m.push_rules' in contentsOf(before.raw, 'account_data'), 'everybody has push rules');
    const waiting = other.sync({ since: before.nextBatch, timeout: 20_000 });
    await set(alice, 'org.example.a', { colour: 'red', big: 12345678901234 });
    const told = await waiting;
    assert.deepEqual(contentsOf(told.raw, 'account_data'), { 'org.example.a': { colour: 'red', big: 12345678901234 } });
    assert.deepEqual((await other.raw('GET', pathOf(other, 'org.example.a'))).body['colour'], 'red');
    const quiet = await other.sync({ since: told.nextBatch });
    assert.deepEqual(contentsOf(quiet.raw, 'account_data'), {});
    await Promise.all([set(alice, 'org.example.a', { colour: 'blue' }), set(other, 'org.example.b', {})]);
    const next = await other.sync({ since: quiet.nextBatch });
    assert.deepEqual(contentsOf(next.raw, 'account_data'), {
      'org.example.a': { colour: 'blue' },
      'org.example.b': {},
    });
    const fresh = contentsOf((await alice.sync()).raw, 'account_data');
    assert.deepEqual([fresh['org.example.a'], fresh['org.example.b']], [{ colour: 'blue' }, {}]);
  });

  it('of a room comes with the room, without events when none are new, and whole when one joins', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await bob.createRoom({ preset: 'public_chat' });
    await set(alice, 'org.example.room', { n: 1 }, roomId);
    const before = await alice.sync();
    assert.ok(!before.join.has(roomId));
    await alice.join(roomId);
    const joined = await alice.sync({ since: before.nextBatch });
    assert.deepEqual(contentsOfRoom(joined, roomId, 'account_data'), { 'org.example.room': { n: 1 } });
    await set(alice, 'org.example.room', { n: 2 }, roomId);
    const quiet = await alice.sync({ since: joined.nextBatch, use_state_after: true });
    assert.deepEqual(contentsOfRoom(quiet, roomId, 'account_data'), { 'org.example.room': { n: 2 } });
    assert.deepEqual(quiet.join.get(roomId)?.timeline, []);
    assert.deepEqual(quiet.join.get(roomId)?.stateAfter, []);
    const forBob = await bob.sync();
    assert.deepEqual(contentsOfRoom(forBob, roomId, 'account_data'), {}, 'it is nobody else’s');
    assert.deepEqual((await alice.raw('GET', pathOf(alice, 'org.example.room', roomId))).body, { n: 2 });
  });

  it('is left out as the filter says', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    await set(alice, 'org.example.wanted', {});
    await set(alice, 'org.example.other', {});
    await set(alice, 'org.example.wanted', {}, roomId);
    await set(alice, 'org.example.other', {}, roomId);
    const types = ['org.example.w*'];
    const answer = await alice.sync({ filter: { account_data: { types }, room: { account_data: { types } } } });
    assert.deepEqual(Object.keys(contentsOf(answer.raw, 'account_data')), ['org.example.wanted']);
    assert.deepEqual(Object.keys(contentsOfRoom(answer, roomId, 'account_data')), ['org.example.wanted']);
  });

  it('is refused for others, for types with operations of their own, and where there is none', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    for (const type of ['m.fully_read', 'm.push_rules']) {
      assertError(await alice.raw('PUT', pathOf(alice, type), { body: {} }), 405, 'M_BAD_JSON');
      assertError(await alice.raw('PUT', pathOf(alice, type, roomId), { body: {} }), 405, 'M_BAD_JSON');
    }
    assertError(await bob.raw('PUT', pathOf(alice, 'a'), { body: {} }), 403, 'M_FORBIDDEN');
    assertError(await bob.raw('GET', pathOf(alice, 'a')), 403, 'M_FORBIDDEN');
    assertError(await alice.raw('GET', pathOf(alice, 'a')), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('GET', pathOf(alice, 'a', roomId)), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('GET', pathOf(alice, 'a', 'no-room')), 400, 'M_INVALID_PARAM');
    assertError(await alice.raw('PUT', pathOf(alice, 'a'), { rawBody: '[]' }), 400);
    assertError(await alice.raw('PUT', pathOf(alice, 'a'), { body: { a: 'x'.repeat(600_000) } }), 413, 'M_TOO_LARGE');
  });

  it('of push rules and of what is read is read like any other', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const read = async (type: string, room?: string): Promise<JsonObject> =>
      (await alice.raw('GET', pathOf(alice, type, room))).body;
    const told = async (): Promise<unknown> => contentsOf((await alice.sync()).raw, 'account_data')['m.push_rules'];
    assert.deepEqual(await read('m.push_rules'), await told(), 'also of who has changed none');
    const rule = `/pushrules/global/room/${encode(roomId)}`;
    assert.equal((await alice.raw('PUT', rule, { body: { actions: [] } })).status, 200);
    const changed = await read('m.push_rules');
    assert.deepEqual(changed, await told());
    assert.ok(JSON.stringify(changed).includes(roomId));
    const eventId = await alice.sendText(roomId, 'read me');
    const markers = `/rooms/${encode(roomId)}/read_markers`;
    assert.equal((await alice.raw('POST', markers, { body: { 'm.fully_read': eventId } })).status, 200);
    assert.deepEqual(await read('m.fully_read', roomId), { event_id: eventId });
  });

  it('of tags is changed tag by tag, also at once', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const tags = `/user/${encode(alice.userId)}/rooms/${encode(roomId)}/tags`;
    const { nextBatch } = await alice.sync();
    const names = ['m.favourite', 'u.work', 'u.home', 'u.4'];
    const bodies = [{ order: 0.25 }, {}, {}, {}];
    const puts = names.map((name, index) => alice.raw('PUT', `${tags}/${encode(name)}`, { body: bodies[index] }));
    for (const answer of await Promise.all(puts)) assert.equal(answer.status, 200, answer.bodyText);
    assert.equal((await alice.raw('DELETE', `${tags}/u.home`)).status, 200);
    const expected = { 'm.favourite': { order: 0.25 }, 'u.work': {}, 'u.4': {} };
    assert.deepEqual((await alice.raw('GET', tags)).body, { tags: expected });
    const answer = await alice.sync({ since: nextBatch });
    assert.deepEqual(contentsOfRoom(answer, roomId, 'account_data')['m.tag'], { tags: expected });
    assertError(await alice.raw('PUT', `${tags}/a`, { body: { order: 'first' } }), 400);
  });

  it('of ignored users keeps their messages and invitations away, but not their state', async () => {
    const [alice, mallory] = await server.newUsers('alice', 'mallory');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await mallory.join(roomId);
    await alice.sync();
    await set(alice, 'm.ignored_user_list', { ignored_users: { [mallory.userId]: {} } });
    const { nextBatch } = await alice.sync();
    await mallory.sendText(roomId, 'you must read this');
    const name = await mallory.setState(
      roomId,
      'm.room.member',
      { membership: 'join', displayname: 'M' },
      mallory.userId,
    );
    const mine = await alice.sendText(roomId, 'hello');
    const other = await mallory.createRoom({ invite: [alice.userId] });
    for (const since of [nextBatch, undefined]) {
      const answer = await alice.sync({ since });
      const timeline = answer.join.get(roomId)?.timeline.map((event) => event.event_id) ?? [];
      assert.deepEqual(timeline.slice(-2), [name, mine]);
      assert.ok(!JSON.stringify(answer.raw).includes('you must read this'));
      assert.ok(!answer.invite.has(other));
    }
    await set(alice, 'm.ignored_user_list', { ignored_users: {} });
    const again = await alice.sync();
    assert.ok(JSON.stringify(again.raw).includes('you must read this'));
    assert.ok(again.invite.has(other));
  });
});

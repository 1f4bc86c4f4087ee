/** Owns the tests of PUT and GET /state and of power levels. Specification: "Sending events to a room", "Permissions". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { findState, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('state', () => {
  const server = useSuiteServer();

  const put = (user: MatrixHttp, roomId: string, path: string, body: unknown): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/state/${path}`, { body });
  const get = (user: MatrixHttp, roomId: string, path: string): Promise<Answer> =>
    user.raw('GET', `/rooms/${encode(roomId)}/state/${path}`);
  const together = async (body: JsonObject = {}): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', ...body });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };

  it('reads the empty state key with and without the trailing slash, however it was written', async () => {
    const [roomId, alice, bob] = await together();
    for (const written of ['org.example.a', 'org.example.a/']) {
      const content = { written };
      const answer = await put(alice, roomId, written, content);
      assert.equal(answer.status, 200, answer.bodyText);
      for (const read of ['org.example.a', 'org.example.a/']) {
        assert.deepEqual((await get(bob, roomId, read)).body, content);
      }
      const event = findState(await bob.getFullState(roomId), 'org.example.a');
      assert.deepEqual([event?.event_id, event?.state_key], [answer.body['event_id'], '']);
    }
  });

  it('keeps one event for each type and state key', async () => {
    const [roomId, alice, bob] = await together();
    const keys = ['', 'x', 'with/slash', 'ünïcode 🦆', '%41'];
    for (const key of keys) await alice.setState(roomId, 'org.example.keyed', { key }, key);
    for (const key of keys) assert.deepEqual(await bob.getState(roomId, 'org.example.keyed', key), { key });
    const latest = await alice.setState(roomId, 'org.example.keyed', { key: 'again' }, 'x');
    const state = await bob.getFullState(roomId);
    assert.equal(findState(state, 'org.example.keyed', 'x')?.event_id, latest);
    assert.equal(state.filter((event) => event.type === 'org.example.keyed').length, keys.length);
    assertError(await get(bob, roomId, 'org.example.keyed/X'), 404, 'M_NOT_FOUND');
  });

  it('gives the content by default and the event with format=event', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.setState(roomId, 'm.room.name', { name: 'The name' });
    const path = `/rooms/${encode(roomId)}/state/m.room.name/`;
    assert.deepEqual((await bob.raw('GET', path)).body, { name: 'The name' });
    assert.deepEqual((await bob.raw('GET', path, { query: { format: 'content' } })).body, { name: 'The name' });
    const event = (await bob.raw('GET', path, { query: { format: 'event' } })).body;
    assert.deepEqual([event['event_id'], event['sender'], event['room_id']], [eventId, alice.userId, roomId]);
    assert.deepEqual(event['content'], { name: 'The name' });
  });

  it('answers 404 for state that is not there', async () => {
    const [roomId, , bob] = await together();
    assertError(await get(bob, roomId, 'm.room.topic/'), 404, 'M_NOT_FOUND');
    assertError(await get(bob, roomId, 'm.room.create/key'), 404, 'M_NOT_FOUND');
  });

  it('puts each change into the timeline with what it replaced', async () => {
    const [roomId, alice, bob] = await together();
    const first = await alice.setState(roomId, 'm.room.topic', { topic: 'one' });
    const second = await alice.setState(roomId, 'm.room.topic', { topic: 'two' });
    const topics = (await bob.getHistory(roomId)).filter((event) => event.type === 'm.room.topic');
    assert.deepEqual(
      topics.map((event) => event.event_id),
      [first, second],
    );
    assert.equal(topics[1]?.unsigned['replaces_state'], first);
    assert.deepEqual(topics[1]?.unsigned['prev_content'], { topic: 'one' });
    assert.equal(topics[1]?.unsigned['prev_sender'], topics[0]?.sender);
    assert.equal(topics[0]?.unsigned['replaces_state'], undefined);
  });

  it('forbids state without the power for it', async () => {
    const [roomId, alice, bob] = await together();
    assertError(await put(bob, roomId, 'm.room.topic', { topic: 'mine' }), 403, 'M_FORBIDDEN');
    assertError(await get(bob, roomId, 'm.room.topic'), 404, 'M_NOT_FOUND');
    const levels = await alice.getState(roomId, 'm.room.power_levels');
    await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { [bob.userId]: 50 } });
    assert.equal((await put(bob, roomId, 'm.room.topic', { topic: 'mine' })).status, 200);
    assert.equal((await alice.getState(roomId, 'm.room.topic'))['topic'], 'mine');
  });

  it('forbids a state key that is the user id of somebody else', async () => {
    const [roomId, alice, bob] = await together({ power_level_content_override: { state_default: 0 } });
    const path = (user: MatrixHttp): string => `org.example.own/${encode(user.userId)}`;
    assertError(await put(bob, roomId, path(alice), {}), 403, 'M_FORBIDDEN');
    assertError(await put(alice, roomId, path(bob), {}), 403, 'M_FORBIDDEN');
    assert.equal((await put(bob, roomId, path(bob), { own: true })).status, 200);
    assert.equal((await alice.getState(roomId, 'org.example.own', bob.userId))['own'], true);
    assertError(await get(alice, roomId, path(alice)), 404, 'M_NOT_FOUND');
  });

  it('lets nobody rise above the own power, nor pull down an equal', async () => {
    const [roomId, alice, bob] = await together({ room_version: '10' });
    const levels = await alice.getState(roomId, 'm.room.power_levels');
    const withUsers = (users: JsonObject): JsonObject => ({ ...levels, users: { [alice.userId]: 100, ...users } });
    await alice.setState(roomId, 'm.room.power_levels', withUsers({ [bob.userId]: 50 }));
    // Changing power levels is itself a matter of 100 by default; here Bob may try.
    const open = { ...withUsers({ [bob.userId]: 50 }), events: { 'm.room.power_levels': 50 } };
    await alice.setState(roomId, 'm.room.power_levels', open);
    const tries: JsonObject[] = [
      { ...open, users: { [alice.userId]: 100, [bob.userId]: 51 } },
      { ...open, users: { [alice.userId]: 99, [bob.userId]: 50 } },
      { ...open, users: { [bob.userId]: 50 } },
      { ...open, ban: 51 },
      { ...open, events: { 'm.room.power_levels': 50, 'm.room.name': 51 } },
    ];
    for (const content of tries) {
      assertError(await put(bob, roomId, 'm.room.power_levels', content), 403, 'M_FORBIDDEN');
    }
    assert.deepEqual(await alice.getState(roomId, 'm.room.power_levels'), open);
    const lower = { ...open, users: { [alice.userId]: 100, [bob.userId]: 10 } };
    assert.equal((await put(bob, roomId, 'm.room.power_levels', lower)).status, 200);
    assertError(await put(bob, roomId, 'm.room.power_levels', open), 403, 'M_FORBIDDEN');
    assert.deepEqual(await bob.getState(roomId, 'm.room.power_levels'), lower);
  });

  for (const version of ['10', '12']) {
    it(`refuses power levels that are not integers in version ${version}`, async () => {
      const [roomId, alice, bob] = await together({ room_version: version });
      const levels = await alice.getState(roomId, 'm.room.power_levels');
      const users = version === '10' ? { [alice.userId]: 100 } : {};
      for (const wrong of [
        { ban: '50' },
        { users: { ...users, [bob.userId]: '50' } },
        { users: { ...users, 'not a user id': 5 } },
        { events: { 'm.room.name': null } },
        { users: [] },
      ]) {
        const answer = await put(alice, roomId, 'm.room.power_levels', { ...levels, ...wrong });
        assert.ok(answer.status === 400 || answer.status === 403, `${JSON.stringify(wrong)}: ${answer.bodyText}`);
      }
      assert.deepEqual(await bob.getState(roomId, 'm.room.power_levels'), levels);
    });
  }

  it('refuses to list a creator in the power levels of version 12', async () => {
    const [roomId, alice] = await together();
    const levels = await alice.getState(roomId, 'm.room.power_levels');
    const answer = await put(alice, roomId, 'm.room.power_levels', { ...levels, users: { [alice.userId]: 100 } });
    assertError(answer, 400, 'M_BAD_JSON');
    assert.deepEqual(await alice.getState(roomId, 'm.room.power_levels'), levels);
  });

  it('refuses a second create event', async () => {
    const [roomId, alice] = await together();
    const before = findState(await alice.getFullState(roomId), 'm.room.create')?.event_id;
    const answer = await put(alice, roomId, 'm.room.create', { room_version: '12' });
    assertError(answer, 400, 'M_BAD_JSON');
    assert.equal(findState(await alice.getFullState(roomId), 'm.room.create')?.event_id, before);
  });

  it('measures the state key in bytes', async () => {
    const [roomId, alice] = await together();
    const longest = 'é'.repeat(127) + 'x';
    await alice.setState(roomId, 'org.example.long', { fits: true }, longest);
    assert.deepEqual(await alice.getState(roomId, 'org.example.long', longest), { fits: true });
    for (const key of ['x'.repeat(256), 'é'.repeat(255)]) {
      assertError(await put(alice, roomId, `org.example.long/${encode(key)}`, {}), 413, 'M_TOO_LARGE');
    }
    const kept = (await alice.getFullState(roomId)).filter((event) => event.type === 'org.example.long');
    assert.equal(kept.length, 1);
  });

  it('shows a room to somebody who left as it was then', async () => {
    const [roomId, alice, bob] = await together({ name: 'Before' });
    await bob.leave(roomId);
    await alice.setState(roomId, 'm.room.name', { name: 'After' });
    assert.equal((await bob.getState(roomId, 'm.room.name'))['name'], 'Before');
    const state = await bob.getFullState(roomId);
    assert.equal(findState(state, 'm.room.name')?.content['name'], 'Before');
    assert.equal(findState(state, 'm.room.member', bob.userId)?.content['membership'], 'leave');
    assertError(await put(bob, roomId, 'm.room.name', { name: 'Mine' }), 403, 'M_FORBIDDEN');
    assert.equal((await alice.getState(roomId, 'm.room.name'))['name'], 'After');
  });

  it('is made by PUT alone', async () => {
    const [roomId, alice] = await together();
    const path = `/rooms/${encode(roomId)}/state/org.example.posted/`;
    assertError(await alice.raw('POST', path, { body: {} }), 405, 'M_UNRECOGNIZED');
    assertError(await get(alice, roomId, 'org.example.posted'), 404, 'M_NOT_FOUND');
  });

  it('gives a change of a member the id that the membership endpoints would', async () => {
    const [roomId, alice, bob] = await together();
    const content = { membership: 'join', displayname: 'Robert' };
    const answer = await put(bob, roomId, `m.room.member/${encode(bob.userId)}`, content);
    const eventId = text(answer.body, 'event_id');
    const own = (await alice.getMembers(roomId)).find((event) => event.state_key === bob.userId);
    assert.deepEqual([own?.event_id, own?.content['displayname']], [eventId, 'Robert']);
  });
});

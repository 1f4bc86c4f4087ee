/** Owns the tests of the rooms' endpoints that no other file calls: kicking, banning, forgetting, single events, filters. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, readEvents, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('endpoints of rooms', () => {
  const server = useSuiteServer();

  const post = (user: MatrixHttp, roomId: string, verb: string, body: JsonObject = {}): Promise<Answer> =>
    user.raw('POST', `/rooms/${encode(roomId)}/${verb}`, { body });
  const contentOf = async (reader: MatrixHttp, roomId: string, user: MatrixHttp): Promise<JsonObject> =>
    reader.getState(roomId, 'm.room.member', user.userId);
  /** A public room of Alice in which Bob is too. */
  const together = async (body: JsonObject = {}): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', ...body });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };

  it('kick those who are in the room, and nobody else', async () => {
    const [roomId, alice, bob] = await together();
    const body = { user_id: bob.userId, reason: 'Enough' };
    assertError(await post(bob, roomId, 'kick', { user_id: alice.userId }), 403, 'M_FORBIDDEN');
    assert.equal((await post(alice, roomId, 'kick', body)).status, 200);
    assert.deepEqual(await contentOf(alice, roomId, bob), { membership: 'leave', reason: 'Enough' });
    assertError(await post(alice, roomId, 'kick', body), 403, 'M_FORBIDDEN');
  });

  it('ban, and lift nothing but a ban', async () => {
    const [roomId, alice, bob] = await together();
    const body = { user_id: bob.userId };
    assertError(await post(alice, roomId, 'unban', body), 403, 'M_FORBIDDEN');
    assertError(await post(bob, roomId, 'ban', { user_id: alice.userId }), 403, 'M_FORBIDDEN');
    assert.equal((await post(alice, roomId, 'ban', body)).status, 200);
    assert.deepEqual(await contentOf(alice, roomId, bob), { membership: 'ban' });
    assertError(await post(alice, roomId, 'kick', body), 403, 'M_FORBIDDEN');
    assertError(await post(bob, roomId, 'join'), 403, 'M_FORBIDDEN');
    assert.equal((await post(alice, roomId, 'unban', body)).status, 200);
    assert.deepEqual(await contentOf(alice, roomId, bob), { membership: 'leave' });
    await bob.join(roomId);
    assertError(await post(alice, roomId, 'ban', { user_id: 'nobody' }), 400, 'M_INVALID_PARAM');
  });

  it('forget a room only after leaving it, and its history with it', async () => {
    const [roomId, , bob] = await together();
    assertError(await post(bob, roomId, 'forget'), 400, 'M_UNKNOWN');
    await bob.leave(roomId);
    assert.ok((await bob.getHistory(roomId)).length > 0);
    assert.equal((await post(bob, roomId, 'forget')).status, 200);
    assert.equal((await post(bob, roomId, 'forget')).status, 200, 'forgetting twice is forgetting');
    assertError(await bob.raw('GET', `/rooms/${encode(roomId)}/messages`, { query: { dir: 'b' } }), 403, 'M_FORBIDDEN');
    await bob.join(roomId);
    assert.ok((await bob.getHistory(roomId)).length > 0);
  });

  it('list the rooms that one is in, and who is in a room', async () => {
    const [roomId, alice, bob] = await together();
    assert.deepEqual((await bob.raw('GET', '/joined_rooms')).body, { joined_rooms: [roomId] });
    const path = `/rooms/${encode(roomId)}/joined_members`;
    const joined = asObject((await bob.raw('GET', path)).body['joined'], 'joined');
    assert.deepEqual(Object.keys(joined).toSorted(), [alice.userId, bob.userId].toSorted());
    await bob.leave(roomId);
    assertError(await bob.raw('GET', path), 403, 'M_FORBIDDEN');
    assert.deepEqual((await bob.raw('GET', '/joined_rooms')).body, { joined_rooms: [] });
  });

  it('give a single event to those who may see it', async () => {
    const [roomId, alice, bob] = await together();
    const [stranger] = await server.newUsers('stranger');
    const get = (user: MatrixHttp, room: string, eventId: string): Promise<Answer> =>
      user.raw('GET', `/rooms/${encode(room)}/event/${encode(eventId)}`);
    const eventId = await alice.sendText(roomId, 'seen');
    const byId = (user: MatrixHttp, id: string): Promise<Answer> => user.raw('GET', `/events/${encode(id)}`);
    for (const { body } of [await get(bob, roomId, eventId), await byId(bob, eventId)]) {
      assert.deepEqual([body['event_id'], body['room_id'], body['sender']], [eventId, roomId, alice.userId]);
    }
    await bob.leave(roomId);
    const later = await alice.sendText(roomId, 'not seen');
    assert.equal((await get(bob, roomId, eventId)).status, 200);
    const other = await alice.createRoom();
    for (const answer of [
      await get(bob, roomId, later),
      await get(stranger, roomId, eventId),
      await get(alice, other, eventId),
      await get(alice, roomId, '$nonsense'),
      await byId(bob, later),
      await byId(stranger, eventId),
      await byId(alice, '$nonsense'),
    ]) {
      assertError(answer, 404, 'M_NOT_FOUND');
    }
  });

  it('show a world-readable room to everybody, and stop when it closes', async () => {
    const world = { type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } };
    const [alice, carol] = await server.newUsers('alice', 'carol');
    const roomId = await alice.createRoom({ initial_state: [world], name: 'Open' });
    const eventId = await alice.sendText(roomId, 'for all');
    assert.equal((await carol.getState(roomId, 'm.room.name'))['name'], 'Open');
    assert.equal((await carol.getHistory(roomId)).at(-1)?.event_id, eventId);
    assertError(await post(carol, roomId, 'join'), 403, 'M_FORBIDDEN');
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'shared' });
    assertError(await carol.raw('GET', `/rooms/${encode(roomId)}/state`), 403, 'M_FORBIDDEN');
  });

  it('let members of one room into another that is restricted to them', async () => {
    const [space, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    for (const version of ['10', '12']) {
      const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] };
      const roomId = await alice.createRoom({
        room_version: version,
        initial_state: [{ type: 'm.room.join_rules', content: rules }],
        power_level_content_override: { invite: 50 },
      });
      assertError(await post(carol, roomId, 'join'), 403, 'M_FORBIDDEN');
      await bob.join(roomId);
      const { join_authorised_via_users_server: via } = await contentOf(alice, roomId, bob);
      assert.equal(via, alice.userId);
    }
  });

  it('choose events by a filter, over as many pages as it takes', async () => {
    const [roomId, alice, bob] = await together();
    for (let i = 0; i < 130; i += 1) await alice.send(roomId, 'org.example.noise', { i });
    const wanted = await bob.sendText(roomId, 'signal');
    const page = async (filter: JsonObject, limit = 5): Promise<[string[], Answer]> => {
      const query = { dir: 'f', limit, filter: JSON.stringify(filter) };
      const answer = await bob.raw('GET', `/rooms/${encode(roomId)}/messages`, { query });
      assert.equal(answer.status, 200, answer.bodyText);
      return [readEvents(answer.body['chunk'], 'chunk').map((event) => event.event_id), answer];
    };
    assert.deepEqual((await page({ types: ['m.room.message'] }))[0], [wanted]);
    assert.deepEqual((await page({ senders: [bob.userId], not_types: ['m.room.mem*'] }))[0], [wanted]);
    assert.equal((await page({ types: ['org.example.*'], limit: 3 }))[0].length, 3);
    const [, answer] = await page({ types: ['m.room.message'], lazy_load_members: true });
    const state = readEvents(answer.body['state'], 'state');
    assert.deepEqual(
      state.map((event) => [event.type, event.state_key]),
      [['m.room.member', bob.userId]],
    );
    for (const filter of ['{', '[]', '{"types":"m.room.message"}', '{"limit":-1}']) {
      const refused = await bob.raw('GET', `/rooms/${encode(roomId)}/messages`, { query: { dir: 'b', filter } });
      assertError(refused, 400);
    }
  });

  it('refuse invitations that cannot arrive', async () => {
    const [roomId, alice] = await together();
    for (const [userId, status, errcode] of [
      ['@no-such-user:hs1.test', 400, 'M_INVALID_PARAM'],
      ['@somebody:elsewhere.test', 502, 'M_UNKNOWN'],
    ] as const) {
      assertError(await post(alice, roomId, 'invite', { user_id: userId }), status, errcode);
      const path = `/rooms/${encode(roomId)}/state/m.room.member/${encode(userId)}`;
      assertError(await alice.raw('PUT', path, { body: { membership: 'invite' } }), status, errcode);
    }
    const invite = ['@no-such-user:hs1.test'];
    assertError(await alice.raw('POST', '/createRoom', { body: { invite } }), 400, 'M_INVALID_PARAM');
    // Whether users of other servers come is for their servers to say: the room is made without them.
    const roomOfOne = await alice.createRoom({ invite: ['@somebody:elsewhere.test'] });
    assert.deepEqual(
      (await alice.getMembers(roomOfOne)).map((event) => event.state_key),
      [alice.userId],
    );
  });

  it('make one event of state that the same user sets twice, and another one of what differs', async () => {
    const [roomId, alice, bob] = await together({ power_level_content_override: { state_default: 0 } });
    const first = await alice.setState(roomId, 'org.example.state', { a: 1, b: ['x', { c: null }] });
    assert.equal(await alice.setState(roomId, 'org.example.state', { b: ['x', { c: null }], a: 1 }), first);
    assert.notEqual(await bob.setState(roomId, 'org.example.state', { a: 1, b: ['x', { c: null }] }), first);
    const second = await alice.setState(roomId, 'org.example.state', { a: 2 });
    const history = (await bob.getHistory(roomId)).filter((event) => event.type === 'org.example.state');
    assert.equal(history.length, 3);
    await bob.leave(roomId);
    const path = `/rooms/${encode(roomId)}/state/org.example.state`;
    assertError(await bob.raw('PUT', path, { body: { a: 2 } }), 403, 'M_FORBIDDEN');
    await alice.redact(roomId, second);
    assert.notEqual(await alice.setState(roomId, 'org.example.state', {}), second, 'what was redacted is said anew');
  });
});

/** Owns the tests of knocking and of restricted rooms. Specification: "Knocking on rooms", "Restricted rooms". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, findState, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const rules = (joinRule: string, allow: readonly unknown[] = []): JsonObject => ({
  type: 'm.room.join_rules',
  content: { join_rule: joinRule, ...(allow.length > 0 && { allow }) },
});
const membersOf = (roomId: string): JsonObject => ({ type: 'm.room_membership', room_id: roomId });

describe('knocking', () => {
  const server = useSuiteServer();

  const post = (user: MatrixHttp, path: string, body: JsonObject = {}): Promise<Answer> =>
    user.raw('POST', path, { body });
  const knock = (user: MatrixHttp, room: string, reason?: string): Promise<Answer> =>
    post(user, `/knock/${encode(room)}`, reason === undefined ? {} : { reason });
  const act = (user: MatrixHttp, roomId: string, verb: string, target: MatrixHttp, reason?: string): Promise<Answer> =>
    post(user, `/rooms/${encode(roomId)}/${verb}`, { user_id: target.userId, ...(reason !== undefined && { reason }) });
  const memberOf = (reader: MatrixHttp, roomId: string, user: MatrixHttp): Promise<JsonObject> =>
    reader.getState(roomId, 'm.room.member', user.userId);
  const knockable = async (more: JsonObject = {}): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ name: 'Ask first', initial_state: [rules('knock')], ...more });
    return [roomId, alice, bob];
  };

  it('shows the members who knocks and why, and the knocker what the room looks like', async () => {
    const alias = uniqueName('door');
    const [roomId, alice, bob] = await knockable({ room_alias_name: alias });
    const { nextBatch } = await alice.sync();
    const { nextBatch: ofBob } = await bob.sync();
    assertError(await post(bob, `/join/${encode(roomId)}`), 403, 'M_FORBIDDEN');
    assert.deepEqual((await knock(bob, `#${alias}:hs1.test`, 'Let me in')).body, { room_id: roomId });
    const timeline = (await alice.sync({ since: nextBatch })).join.get(roomId)?.timeline ?? [];
    assert.deepEqual(
      timeline.map((event) => [event.state_key, event.content['membership'], event.content['reason']]),
      [[bob.userId, 'knock', 'Let me in']],
    );
    for (const sync of [await bob.sync({ since: ofBob }), await bob.sync()]) {
      const rooms = asObject(sync.raw['rooms'], 'rooms');
      const section = asObject(asObject(rooms['knock'], 'knock')[roomId], 'the room that was knocked on');
      const events = asArray(asObject(section['knock_state'], 'knock_state')['events'], 'events');
      const shown = events.map((event) => asObject(event, 'a stripped event'));
      assert.ok(shown.some((event) => event['type'] === 'm.room.create'));
      assert.deepEqual(shown.find((event) => event['type'] === 'm.room.name')?.['content'], { name: 'Ask first' });
      assert.deepEqual(Object.keys(shown[0] ?? {}).toSorted(), ['content', 'sender', 'state_key', 'type']);
    }
    assertError(await bob.raw('GET', `/rooms/${encode(roomId)}/state`), 403, 'M_FORBIDDEN');
  });

  it('leads over an invitation into the room', async () => {
    const [roomId, alice, bob] = await knockable();
    await knock(bob, roomId);
    assert.equal((await act(alice, roomId, 'invite', bob, 'Come in')).status, 200);
    assertError(await knock(bob, roomId), 403, 'M_FORBIDDEN');
    const sync = await bob.sync();
    assert.ok(sync.invite.has(roomId));
    assert.equal(asObject(asObject(sync.raw['rooms'], 'rooms')['knock'] ?? {}, 'knock')[roomId], undefined);
    await bob.join(roomId);
    assertError(await knock(bob, roomId), 403, 'M_FORBIDDEN');
    assert.equal((await memberOf(alice, roomId, bob))['membership'], 'join');
  });

  it('can be taken back, refused, repeated and forbidden', async () => {
    const [roomId, alice, bob] = await knockable();
    await knock(bob, roomId, 'first');
    assert.equal((await knock(bob, roomId, 'second')).status, 200);
    assert.equal((await memberOf(alice, roomId, bob))['reason'], 'second');
    await bob.leave(roomId);
    assert.deepEqual(await memberOf(alice, roomId, bob), { membership: 'leave' });
    await knock(bob, roomId);
    assert.equal((await act(alice, roomId, 'kick', bob, 'No')).status, 200);
    assert.deepEqual(await memberOf(alice, roomId, bob), { membership: 'leave', reason: 'No' });
    const sync = await bob.sync();
    assert.equal(asObject(asObject(sync.raw['rooms'] ?? {}, 'rooms')['knock'] ?? {}, 'knock')[roomId], undefined);
    await knock(bob, roomId);
    assert.equal((await act(alice, roomId, 'ban', bob)).status, 200);
    assertError(await knock(bob, roomId), 403, 'M_FORBIDDEN');
    assert.equal((await act(alice, roomId, 'unban', bob)).status, 200);
    assert.equal((await knock(bob, roomId)).status, 200);
  });

  it('is for rooms that take knocks', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [closed, open] = [await alice.createRoom(), await alice.createRoom({ preset: 'public_chat' })];
    const old = await alice.createRoom({ room_version: '6', initial_state: [rules('knock')] });
    const odd = await alice.createRoom({ room_version: '9', initial_state: [rules('knock_restricted')] });
    for (const roomId of [closed, open, old, odd]) assertError(await knock(bob, roomId), 403, 'M_FORBIDDEN');
    assertError(await knock(bob, '!nowhere:hs1.test'), 404, 'M_NOT_FOUND');
    assertError(await knock(bob, 'nonsense'), 400, 'M_INVALID_PARAM');
  });

  for (const version of ['8', '10', '12']) {
    it(`a restricted room of version ${version} lets in whoever is in one of the allowed rooms, and nobody else`, async () => {
      const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
      const space = await alice.createRoom({ preset: 'public_chat' });
      const allow = [{ type: 'org.example.other' }, membersOf('!unknown:other.test'), membersOf(space)];
      const body = { room_version: version, power_level_content_override: { invite: 50 } };
      const roomId = await alice.createRoom({ ...body, initial_state: [rules('restricted', allow)] });
      await bob.join(space);
      const path = `/join/${encode(roomId)}`;
      assert.equal((await post(bob, path, { reason: 'I may' })).status, 200);
      const content = await memberOf(alice, roomId, bob);
      assert.deepEqual([content['join_authorised_via_users_server'], content['reason']], [alice.userId, 'I may']);
      assertError(await post(carol, path), 400, 'M_UNABLE_TO_AUTHORISE_JOIN');
      await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'restricted', allow: [membersOf(space)] });
      assertError(await post(carol, path), 403, 'M_FORBIDDEN');
      await carol.join(space);
      await alice.leave(roomId);
      assertError(await post(carol, path), 400, 'M_UNABLE_TO_GRANT_JOIN');
    });
  }

  it('nobody vouches for themselves: who let a user in is for the server to say', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const space = await alice.createRoom();
    const roomId = await alice.createRoom({ initial_state: [rules('restricted', [membersOf(space)])] });
    const body = { membership: 'join', join_authorised_via_users_server: alice.userId };
    const path = `/rooms/${encode(roomId)}/state/m.room.member/${encode(bob.userId)}`;
    assertError(await bob.raw('PUT', path, { body }), 403, 'M_FORBIDDEN');
    assertError(await bob.raw('GET', `/rooms/${encode(roomId)}/state`), 403, 'M_FORBIDDEN');
    await alice.invite(space, bob.userId);
    await bob.join(space);
    assert.equal((await bob.raw('PUT', path, { body: { ...body, displayname: 'Bob' } })).status, 200);
    const member = findState(await alice.getFullState(roomId), 'm.room.member', bob.userId);
    assert.deepEqual(member?.content, { ...body, displayname: 'Bob' });
  });

  it('a room that is restricted and knockable takes members without and others with an invitation', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const space = await alice.createRoom({ preset: 'public_chat' });
    const roomId = await alice.createRoom({ initial_state: [rules('knock_restricted', [membersOf(space)])] });
    await bob.join(space);
    await bob.join(roomId);
    assertError(await post(carol, `/join/${encode(roomId)}`), 403, 'M_FORBIDDEN');
    assert.equal((await knock(carol, roomId)).status, 200);
    assert.equal((await act(alice, roomId, 'invite', carol)).status, 200);
    await carol.join(roomId);
    assert.equal((await act(alice, roomId, 'ban', bob)).status, 200);
    assertError(await post(bob, `/join/${encode(roomId)}`), 403, 'M_FORBIDDEN');
  });
});

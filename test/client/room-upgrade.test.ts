/** Owns the tests of room upgrades. Specification: Client-Server API, "Room upgrades". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, findState, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('room upgrades', () => {
  const server = useSuiteServer();

  const ask = (user: MatrixHttp, roomId: string, version: string, more: JsonObject = {}): Promise<Answer> =>
    user.raw('POST', `/rooms/${encode(roomId)}/upgrade`, { body: { new_version: version, ...more } });
  const upgrade = async (user: MatrixHttp, roomId: string, version: string, more?: JsonObject): Promise<string> => {
    const answer = await ask(user, roomId, version, more);
    assert.equal(answer.status, 200, answer.bodyText);
    return text(answer.body, 'replacement_room');
  };
  const usersIn = async (user: MatrixHttp, roomId: string): Promise<JsonObject> =>
    asObject((await user.getState(roomId, 'm.room.power_levels'))['users'] ?? {}, 'users');

  const steps = [
    ...Array.from({ length: 12 }, (_, index) => ['9', String(index + 1)] as const),
    ['1', '12'],
    ['2', '3'],
    ['12', '12'],
    ['12', '11'],
  ] as const;
  for (const [from, to] of steps) {
    it(`lead from version ${from} to version ${to}, with what the room is`, async () => {
      const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
      const roomId = await alice.createRoom({
        preset: 'public_chat',
        room_version: from,
        name: 'The name',
        topic: 'T',
      });
      await bob.join(roomId);
      await alice.raw('POST', `/rooms/${encode(roomId)}/ban`, { body: { user_id: carol.userId, reason: 'Spam' } });
      const before = await alice.getHistory(roomId);
      const newRoomId = await upgrade(alice, roomId, to);
      const state = await alice.getFullState(newRoomId);
      const created = findState(state, 'm.room.create')?.content ?? {};
      const predecessor = asObject(created['predecessor'], 'predecessor');
      assert.equal(created['room_version'], to);
      assert.equal(predecessor['room_id'], roomId);
      assert.equal(predecessor['event_id'], to === '12' ? undefined : before.at(-1)?.event_id);
      for (const type of ['m.room.name', 'm.room.topic', 'm.room.join_rules', 'm.room.history_visibility']) {
        assert.deepEqual(findState(state, type)?.content, await alice.getState(roomId, type), type);
      }
      const ban = findState(state, 'm.room.member', carol.userId);
      assert.deepEqual(ban?.content, { membership: 'ban', reason: 'Spam' });
      const users = await usersIn(alice, newRoomId);
      assert.equal(users[alice.userId], to === '12' ? undefined : 100);
      assert.equal((await alice.getState(roomId, 'm.room.tombstone'))['replacement_room'], newRoomId);
      await bob.join(newRoomId);
      await bob.sendText(newRoomId, 'here again');
      assertError(await bob.raw('PUT', `/rooms/${encode(roomId)}/send/m.room.message/x`, { body: {} }), 400);
      const late = { msgtype: 'm.text', body: 'too late' };
      const refused = await bob.raw('PUT', `/rooms/${encode(roomId)}/send/m.room.message/y`, { body: late });
      assertError(refused, 403, 'M_FORBIDDEN');
    });
  }

  it('are for those who may send a tombstone, to versions that exist', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    assertError(await ask(bob, roomId, '12'), 403, 'M_FORBIDDEN');
    assertError(await ask(carol, roomId, '12'), 403, 'M_FORBIDDEN');
    assertError(await ask(alice, '!nowhere:hs1.test', '12'), 403, 'M_FORBIDDEN');
    assertError(await ask(alice, roomId, '13'), 400, 'M_UNSUPPORTED_ROOM_VERSION');
    assertError(await ask(alice, roomId, '12', { additional_creators: ['nobody'] }), 400, 'M_INVALID_PARAM');
    assertError(await alice.raw('POST', `/rooms/${encode(roomId)}/upgrade`, { body: {} }), 400, 'M_MISSING_PARAM');
    assert.equal(findState(await alice.getFullState(roomId), 'm.room.tombstone'), undefined);
  });

  it('move aliases and the place in the directory', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [name, localpart] = [uniqueName('moved'), uniqueName('moved')];
    const body = { preset: 'public_chat', visibility: 'public', name, room_alias_name: localpart };
    const roomId = await alice.createRoom(body);
    const [alias, other] = [`#${localpart}:hs1.test`, `#other-${localpart}:hs1.test`];
    await alice.raw('PUT', `/directory/room/${encode(other)}`, { body: { room_id: roomId } });
    const newRoomId = await upgrade(alice, roomId, '12');
    for (const one of [alias, other]) {
      assert.equal((await alice.raw('GET', `/directory/room/${encode(one)}`)).body['room_id'], newRoomId);
    }
    assert.deepEqual(await alice.getState(newRoomId, 'm.room.canonical_alias'), { alias });
    assert.deepEqual(await alice.getState(roomId, 'm.room.canonical_alias'), {});
    const search = await bob.raw('POST', '/publicRooms', { body: { filter: { generic_search_term: name } } });
    const listed = asArray(search.body['chunk'], 'chunk').map((room) => asObject(room, 'a room')['room_id']);
    assert.deepEqual(listed, [newRoomId]);
  });

  it('keep the type and the children of a space, and whether a room is open to other servers', async () => {
    const [alice] = await server.newUsers('alice');
    const [child, gone] = [await alice.createRoom(), await alice.createRoom()];
    const space = await alice.createRoom({ creation_content: { type: 'm.space', 'm.federate': false } });
    await alice.setState(space, 'm.space.child', { via: ['hs1.test'], order: 'a' }, child);
    await alice.setState(space, 'm.space.child', {}, gone);
    const state = await alice.getFullState(await upgrade(alice, space, '11'));
    const created = findState(state, 'm.room.create')?.content;
    assert.deepEqual([created?.['type'], created?.['m.federate']], ['m.space', false]);
    assert.deepEqual(findState(state, 'm.space.child', child)?.content, { via: ['hs1.test'], order: 'a' });
    assert.equal(findState(state, 'm.space.child', gone), undefined);
  });

  it('make the upgrader and the additional creators the creators of version 12, and list nobody of them', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const users = { [alice.userId]: 100, [bob.userId]: 100, [carol.userId]: 50 };
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      room_version: '11',
      power_level_content_override: { users },
    });
    await bob.join(roomId);
    const first = await upgrade(bob, roomId, '12');
    assert.equal((await bob.getState(first, 'm.room.create'))['additional_creators'], undefined);
    assert.deepEqual(await usersIn(bob, first), { [alice.userId]: 100, [carol.userId]: 50 });
    const again = await upgrade(bob, first, '12', { additional_creators: [carol.userId, bob.userId] });
    assert.deepEqual((await bob.getState(again, 'm.room.create'))['additional_creators'], [carol.userId]);
    assert.deepEqual(await usersIn(bob, again), { [alice.userId]: 100 });
    const levels = await bob.getState(again, 'm.room.power_levels');
    const tombstone = Number(asObject(levels['events'], 'events')['m.room.tombstone']);
    assert.ok(tombstone > Number(levels['state_default']));
    const third = await upgrade(bob, again, '12');
    assert.equal((await bob.getState(third, 'm.room.create'))['additional_creators'], undefined, 'not of themselves');
    const old = await upgrade(bob, again, '11', { additional_creators: ['ignored'] });
    assert.deepEqual(await usersIn(bob, old), { [alice.userId]: 100, [bob.userId]: 100, [carol.userId]: 100 });
  });

  it('leave a moderator no more power in the new room than in the old one', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    await bob.join(roomId);
    const levels = await alice.getState(roomId, 'm.room.power_levels');
    await alice.setState(roomId, 'm.room.power_levels', {
      ...levels,
      users: { [alice.userId]: 100, [bob.userId]: 50 },
      events: { ...asObject(levels['events'], 'events'), 'm.room.tombstone': 50 },
    });
    await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'] });
    const newRoomId = await upgrade(bob, roomId, '10');
    assert.deepEqual(await usersIn(bob, newRoomId), { [alice.userId]: 100, [bob.userId]: 50 });
    assert.deepEqual(await bob.getState(newRoomId, 'm.room.server_acl'), { allow: ['*'] });
    assert.equal(
      (await bob.getState(roomId, 'm.room.power_levels'))['events_default'],
      0,
      'that was beyond their power',
    );
    assert.equal((await bob.getState(roomId, 'm.room.tombstone'))['replacement_room'], newRoomId);
  });

  it('turn levels written as text into numbers, and join rules that are not known into invitations', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const levels = {
      users: { [alice.userId]: '100', [bob.userId]: ' 050' },
      ban: '60',
      events: { 'm.room.name': '10' },
    };
    const roomId = await alice.createRoom({ room_version: '9', power_level_content_override: levels });
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' });
    const newRoomId = await upgrade(alice, roomId, '10');
    const carried = await alice.getState(newRoomId, 'm.room.power_levels');
    assert.deepEqual(carried['users'], { [alice.userId]: 100, [bob.userId]: 50 });
    assert.deepEqual([carried['ban'], carried['events']], [60, { 'm.room.name': 10 }]);
    assert.deepEqual(await alice.getState(newRoomId, 'm.room.join_rules'), { join_rule: 'knock' });
    const older = await upgrade(alice, newRoomId, '6');
    assert.deepEqual(await alice.getState(older, 'm.room.join_rules'), { join_rule: 'invite' });
  });

  const data = (user: MatrixHttp, type: string, roomId?: string): string =>
    `/user/${encode(user.userId)}${roomId === undefined ? '' : `/rooms/${encode(roomId)}`}/account_data/${encode(type)}`;
  const note = async (user: MatrixHttp, body: JsonObject, type: string, roomId?: string): Promise<void> => {
    assert.equal((await user.raw('PUT', data(user, type, roomId), { body })).status, 200);
  };
  const tagsOf = async (user: MatrixHttp, roomId: string): Promise<unknown> =>
    (await user.raw('GET', `/user/${encode(user.userId)}/rooms/${encode(roomId)}/tags`)).body['tags'];

  it("carry the users' tags, notes and direct chats to the room that they join", async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
    await bob.join(roomId);
    for (const user of [alice, bob]) {
      await note(user, { tags: { 'm.favourite': { order: 0.5 } } }, 'm.tag', roomId);
      await note(user, { colour: user.userId }, 'org.example.note', roomId);
      await note(user, { '@friend:hs1.test': ['!other:hs1.test', roomId] }, 'm.direct');
    }
    const newRoomId = await upgrade(alice, roomId, '12');
    assert.deepEqual(await tagsOf(bob, newRoomId), {}, 'not before one is there');
    const { nextBatch } = await bob.sync();
    await bob.join(newRoomId);
    for (const user of [alice, bob]) {
      assert.deepEqual(await tagsOf(user, newRoomId), { 'm.favourite': { order: 0.5 } });
      const noted = await user.raw('GET', data(user, 'org.example.note', newRoomId));
      assert.deepEqual(noted.body, { colour: user.userId });
      const direct = await user.raw('GET', data(user, 'm.direct'));
      assert.deepEqual(direct.body, { '@friend:hs1.test': ['!other:hs1.test', roomId, newRoomId] });
    }
    const rooms = asObject((await bob.sync({ since: nextBatch })).raw['rooms'], 'rooms');
    const joined = asObject(asObject(rooms['join'], 'join')[newRoomId], 'the new room');
    const events = asArray(asObject(joined['account_data'], 'account_data')['events'], 'events');
    assert.ok(events.some((event) => asObject(event, 'an event')['type'] === 'm.tag'));
    const { body } = await bob.raw('GET', `/rooms/${encode(newRoomId)}/initialSync`);
    assert.equal(asArray(body['account_data'], 'account_data').length, 2);
  });

  it('carry nothing to a room that only says that it replaces another, but to its own maker', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(roomId);
    for (const user of [alice, bob]) await note(user, { tags: { 'm.favourite': {} } }, 'm.tag', roomId);
    const creation = { predecessor: { room_id: roomId } };
    const imposter = await alice.createRoom({ preset: 'public_chat', creation_content: creation });
    await bob.join(imposter);
    assert.deepEqual(await tagsOf(bob, imposter), {});
    assert.deepEqual(await tagsOf(alice, imposter), { 'm.favourite': {} });
    const looped = await alice.createRoom({ creation_content: { predecessor: { room_id: '!nowhere:hs1.test' } } });
    assert.deepEqual(await tagsOf(alice, looped), {}, 'V87: a predecessor that is not there is none');
  });
});

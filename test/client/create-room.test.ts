/** Owns the tests of POST /createRoom. Specification: "Creation", and the room versions 10, 11 and 12. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, findState, type ClientEvent, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

function require(events: readonly ClientEvent[], type: string, stateKey = ''): ClientEvent {
  const found = findState(events, type, stateKey);
  assert.ok(found, `the room has ${type} "${stateKey}"`);
  return found;
}

function kinds(history: readonly ClientEvent[]): string[] {
  return history.map((event) => (event.state_key === '' ? event.type : `${event.type} ${event.state_key}`));
}

describe('createRoom', () => {
  const server = useSuiteServer();

  /** Makes a room and returns its id with its state, read by another request. */
  const create = async (user: MatrixHttp, body: JsonObject = {}): Promise<[string, ClientEvent[]]> => {
    const roomId = await user.createRoom(body);
    return [roomId, await user.getFullState(roomId)];
  };

  it('makes a room of version 12 by default, whose id is the hash of its create event', async () => {
    const [alice] = await server.newUsers('alice');
    const [roomId, state] = await create(alice);
    const created = require(state, 'm.room.create');
    assert.equal(created.content['room_version'], '12');
    assert.equal(created.content['creator'], undefined, 'the creator is the sender');
    assert.equal(created.sender, alice.userId);
    assert.equal(roomId, created.event_id.replace('$', '!'));
    assert.equal(created.room_id, roomId, 'clients are told the room id of the create event too');
    const levels = require(state, 'm.room.power_levels').content;
    assert.equal(asObject(levels['users'] ?? {}, 'users')[alice.userId], undefined, 'creators are not listed');
    const tombstone = Number(asObject(levels['events'], 'events')['m.room.tombstone']);
    assert.ok(tombstone > Number(levels['state_default'] ?? 50), 'a tombstone needs more than state_default');
  });

  for (const version of ['10', '11']) {
    it(`makes a room of version ${version}, whose creator has power level 100`, async () => {
      const [alice] = await server.newUsers('alice');
      const [roomId, state] = await create(alice, { room_version: version });
      assert.match(roomId, /^![^:]+:hs1\.test$/);
      const created = require(state, 'm.room.create');
      assert.equal(created.content['room_version'], version);
      assert.equal(created.content['creator'], version === '10' ? alice.userId : undefined);
      const levels = require(state, 'm.room.power_levels').content;
      assert.equal(asObject(levels['users'], 'users')[alice.userId], 100);
    });
  }

  it('refuses a room version that it does not know, and makes no room', async () => {
    const [alice] = await server.newUsers('alice');
    for (const version of ['no-such-version', '0', '']) {
      const answer = await alice.raw('POST', '/createRoom', { body: { room_version: version } });
      assertError(answer, 400, 'M_UNSUPPORTED_ROOM_VERSION');
    }
    assert.equal((await alice.sync()).join.size, 0);
  });

  it('applies the events in the order of the specification', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({
      preset: 'private_chat',
      name: 'The name',
      topic: 'The topic',
      initial_state: [
        { type: 'org.example.first', content: { n: 1 } },
        { type: 'org.example.second', state_key: 'key', content: { n: 2 } },
      ],
      invite: [bob.userId],
    });
    const found = kinds(await alice.getHistory(roomId));
    assert.deepEqual(found.slice(0, 3), ['m.room.create', `m.room.member ${alice.userId}`, 'm.room.power_levels']);
    const preset = ['m.room.guest_access', 'm.room.history_visibility', 'm.room.join_rules'];
    assert.deepEqual(found.slice(3, 6).toSorted(), preset);
    assert.deepEqual(found.slice(6, 8), ['org.example.first', 'org.example.second key']);
    assert.deepEqual(found.slice(8, 10).toSorted(), ['m.room.name', 'm.room.topic']);
    assert.deepEqual(found.slice(10), [`m.room.member ${bob.userId}`]);
  });

  const presets = [
    { body: { preset: 'private_chat' }, joinRule: 'invite', guestAccess: 'can_join' },
    { body: { preset: 'trusted_private_chat' }, joinRule: 'invite', guestAccess: 'can_join' },
    { body: { preset: 'public_chat' }, joinRule: 'public', guestAccess: 'forbidden' },
    { body: {}, joinRule: 'invite', guestAccess: 'can_join' },
    { body: { visibility: 'private' }, joinRule: 'invite', guestAccess: 'can_join' },
  ];
  for (const { body, joinRule, guestAccess } of presets) {
    it(`sets join rule ${joinRule} for ${JSON.stringify(body)}`, async () => {
      const [alice, bob] = await server.newUsers('alice', 'bob');
      const [roomId, state] = await create(alice, body);
      assert.equal(require(state, 'm.room.join_rules').content['join_rule'], joinRule);
      assert.equal(require(state, 'm.room.history_visibility').content['history_visibility'], 'shared');
      assert.equal(findState(state, 'm.room.guest_access')?.content['guest_access'] ?? 'forbidden', guestAccess);
      const joining = await bob.raw('POST', `/rooms/${encodeURIComponent(roomId)}/join`, { body: {} });
      assert.equal(joining.status, joinRule === 'public' ? 200 : 403, joining.bodyText);
    });
  }

  it('gives the invited of a trusted private chat the power of the creator', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const body = { preset: 'trusted_private_chat', invite: [bob.userId] };
    const [newRoom, newState] = await create(alice, body);
    assert.deepEqual(require(newState, 'm.room.create').content['additional_creators'], [bob.userId]);
    const [oldRoom, oldState] = await create(alice, { ...body, room_version: '10' });
    const users = asObject(require(oldState, 'm.room.power_levels').content['users'], 'users');
    assert.equal(users[bob.userId], users[alice.userId]);
    for (const roomId of [newRoom, oldRoom]) {
      await bob.join(roomId);
      await bob.setState(roomId, 'm.room.name', { name: 'set by Bob' });
      assert.equal((await alice.getState(roomId, 'm.room.name'))['name'], 'set by Bob');
    }
  });

  it('lets initial_state override the preset, and name and topic override both', async () => {
    const [alice] = await server.newUsers('alice');
    const [, state] = await create(alice, {
      preset: 'private_chat',
      name: 'from name',
      topic: 'from topic',
      initial_state: [
        { type: 'm.room.join_rules', content: { join_rule: 'public' } },
        { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } },
        { type: 'm.room.name', content: { name: 'from initial_state' } },
      ],
    });
    assert.equal(require(state, 'm.room.join_rules').content['join_rule'], 'public');
    assert.equal(require(state, 'm.room.history_visibility').content['history_visibility'], 'joined');
    assert.equal(require(state, 'm.room.name').content['name'], 'from name');
    const topic = require(state, 'm.room.topic').content;
    assert.equal(topic['topic'], 'from topic');
    const block = asObject(topic['m.topic'], 'the content block of the topic');
    const texts = asObject({ list: block['m.text'] }, 'm.text')['list'];
    assert.ok(Array.isArray(texts) && texts.some((one) => asObject(one, 'a text')['body'] === 'from topic'));
  });

  it('lays power_level_content_override over the default power levels', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [roomId, state] = await create(alice, {
      power_level_content_override: { users_default: 7, events: { 'org.example.open': 7 } },
      invite: [bob.userId],
    });
    const levels = require(state, 'm.room.power_levels').content;
    assert.equal(levels['users_default'], 7);
    const events = { 'org.example.open': 7, 'm.room.tombstone': 150 };
    assert.deepEqual(levels['events'], events, 'a key of the override replaces the whole key, the tombstone apart');
    await bob.join(roomId);
    await bob.setState(roomId, 'org.example.open', { by: 'bob' });
    assert.equal((await alice.getState(roomId, 'org.example.open'))['by'], 'bob');
  });

  it('lets a tombstone need more than other state in version 12, whatever the override says of it', async () => {
    const [alice] = await server.newUsers('alice');
    const levelIn = async (override: JsonObject, room_version = '12'): Promise<unknown> => {
      const [, state] = await create(alice, { room_version, power_level_content_override: override });
      return asObject(require(state, 'm.room.power_levels').content['events'], 'events')['m.room.tombstone'];
    };
    assert.equal(await levelIn({ events: {} }), 150);
    assert.equal(await levelIn({ state_default: 200 }), 201);
    assert.equal(await levelIn({ events: { 'm.room.tombstone': 50 } }), 150);
    assert.equal(await levelIn({ events: { 'm.room.tombstone': 51 } }), 51);
    assert.equal(await levelIn({ events: {} }, '11'), undefined);
  });

  it('keeps creation_content but not what the server decides', async () => {
    const [alice] = await server.newUsers('alice');
    const [, state] = await create(alice, {
      creation_content: { 'm.federate': false, type: 'org.example.kind', creator: '@x:y.test', room_version: '1' },
    });
    const { content } = require(state, 'm.room.create');
    assert.equal(content['m.federate'], false);
    assert.equal(content['type'], 'org.example.kind');
    assert.equal(content['room_version'], '12');
    assert.notEqual(content['creator'], '@x:y.test');
  });

  it('invites those named, as a direct chat if asked', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ invite: [bob.userId, carol.userId], is_direct: true });
    for (const user of [bob, carol]) {
      const state = (await user.sync()).invite.get(roomId);
      const own = state?.find((event) => event.type === 'm.room.member' && event.state_key === user.userId);
      assert.deepEqual([own?.content['membership'], own?.content['is_direct']], ['invite', true]);
      await user.join(roomId);
    }
    assert.equal((await alice.getMembers(roomId, { membership: 'join' })).length, 3);
  });

  it('refuses what is malformed or cannot be a room, and makes none', async () => {
    const [alice] = await server.newUsers('alice');
    const bodies: JsonObject[] = [
      { preset: 'no_such_preset' },
      { invite: 'not-a-list' },
      { invite: ['not a user id'] },
      { initial_state: [{ content: {} }] },
      { name: 7 },
      { creation_content: [] },
      { power_level_content_override: { users: { [alice.userId]: 100 } } },
      { power_level_content_override: { users_default: 'fifty' } },
      { room_version: '10', power_level_content_override: { users: {}, state_default: 50 }, name: 'out of reach' },
    ];
    for (const body of bodies) {
      const answer = await alice.raw('POST', '/createRoom', { body });
      assert.ok(answer.status === 400 || answer.status === 403, `${JSON.stringify(body)}: ${answer.bodyText}`);
      assertError(answer, answer.status);
    }
    assertError(await alice.raw('POST', '/createRoom', { rawBody: '{' }), 400, 'M_NOT_JSON');
    assert.equal((await alice.sync()).join.size, 0, 'none of them left a room behind');
  });

  it('names the room by an alias, which is canonical and leads to it, or makes no room', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const localpart = uniqueName('pub');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: localpart });
    const alias = `#${localpart}:hs1.test`;
    assert.deepEqual(await alice.getState(roomId, 'm.room.canonical_alias'), { alias });
    assert.deepEqual(kinds(await alice.getHistory(roomId)).slice(2, 4), [
      'm.room.power_levels',
      'm.room.canonical_alias',
    ]);
    assert.equal((await bob.raw('POST', `/join/${encodeURIComponent(alias)}`, { body: {} })).body['room_id'], roomId);
    const again = await bob.raw('POST', '/createRoom', { body: { room_alias_name: localpart } });
    assertError(again, 400, 'M_ROOM_IN_USE');
    for (const odd of ['', 'with:colon', 'x'.repeat(250)]) {
      assertError(await bob.raw('POST', '/createRoom', { body: { room_alias_name: odd } }), 400, 'M_INVALID_PARAM');
    }
    assert.deepEqual((await bob.raw('GET', '/joined_rooms')).body, { joined_rooms: [roomId] });
  });

  it('gives an alias to one of those who ask for it at once, and to the others no room', async () => {
    const [alice] = await server.newUsers('alice');
    const body = { room_alias_name: uniqueName('race') };
    const answers = await Promise.all(Array.from({ length: 8 }, () => alice.raw('POST', '/createRoom', { body })));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    for (const answer of answers) if (answer.status !== 200) assertError(answer, 400, 'M_ROOM_IN_USE');
    assert.equal((await alice.sync()).join.size, 1);
  });

  it('refuses an initial state that the rules of the room forbid, and makes no room', async () => {
    const [alice] = await server.newUsers('alice');
    for (const body of [
      { initial_state: [{ type: 'm.room.create', content: {} }] },
      { room_version: '11', power_level_content_override: { users: {}, state_default: 50 }, name: 'No' },
      { power_level_content_override: { users: { [alice.userId]: 100 } } },
    ]) {
      assertError(await alice.raw('POST', '/createRoom', { body }), 400, 'M_INVALID_ROOM_STATE');
    }
    const stray = [{ type: 'm.room.canonical_alias', content: { alias: '#stray:hs1.test' } }];
    assertError(await alice.raw('POST', '/createRoom', { body: { initial_state: stray } }), 400, 'M_BAD_ALIAS');
    assert.equal((await alice.sync()).join.size, 0);
  });

  it('adds creators of creation_content and of a trusted private chat, each once', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const [, state] = await create(alice, {
      preset: 'trusted_private_chat',
      creation_content: { additional_creators: [bob.userId] },
      invite: [bob.userId, carol.userId],
      is_direct: true,
    });
    assert.deepEqual(require(state, 'm.room.create').content['additional_creators'], [bob.userId, carol.userId]);
    assert.equal(require(state, 'm.room.member', carol.userId).content['is_direct'], true);
  });
});

/** Owns the tests of the hierarchy of spaces and of the summary of rooms. Specification: "Spaces", "Room summaries". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, type Answer, type MatrixHttp, type Query } from '#test/support/matrix-http.ts';
import { asArray, asObject, optionalText, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const space = { creation_content: { type: 'm.space' } };
const rules = (content: JsonObject): JsonObject => ({ initial_state: [{ type: 'm.room.join_rules', content }] });
const restrictedTo = (roomId: string, rule = 'restricted'): JsonObject =>
  rules({ join_rule: rule, allow: [{ type: 'm.room_membership', room_id: roomId }] });
const world = [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }];

describe('spaces', () => {
  const server = useSuiteServer();

  const hierarchy = (user: MatrixHttp, roomId: string, query: Query = {}): Promise<Answer> =>
    request(server.baseUrl, 'GET', `/_matrix/client/v1/rooms/${encode(roomId)}/hierarchy`, {
      token: user.accessToken,
      query,
    });
  const roomsOf = (answer: Answer): JsonObject[] => {
    assert.equal(answer.status, 200, answer.bodyText);
    return asArray(answer.body['rooms'], 'rooms').map((room) => asObject(room, 'a room of the hierarchy'));
  };
  const idsOf = (answer: Answer): string[] => roomsOf(answer).map((room) => text(room, 'room_id'));
  const childrenOf = (room: JsonObject | undefined): unknown[] =>
    asArray(room?.['children_state'], 'children_state').map((child) => asObject(child, 'a child')['state_key']);
  const add = (user: MatrixHttp, parent: string, child: string, more: JsonObject = {}): Promise<string> =>
    user.setState(parent, 'm.space.child', { via: ['hs1.test'], ...more }, child);
  const summary = (roomIdOrAlias: string, user?: MatrixHttp): Promise<Answer> =>
    request(server.baseUrl, 'GET', `/_matrix/client/v1/room_summary/${encode(roomIdOrAlias)}`, {
      ...(user && { token: user.accessToken }),
    });

  /** root → [first, inner → [deep, deeper → [bottom]], last], all public. */
  const tree = async (alice: MatrixHttp): Promise<Record<string, string>> => {
    const rooms: Record<string, string> = {};
    for (const name of ['root', 'first', 'inner', 'deep', 'deeper', 'bottom', 'last']) {
      const isSpace = ['root', 'inner', 'deeper'].includes(name);
      rooms[name] = await alice.createRoom({ preset: 'public_chat', name, ...(isSpace && space) });
    }
    const links = [
      ['root', 'first', { suggested: true }],
      ['root', 'inner', {}],
      ['root', 'last', { suggested: true }],
      ['inner', 'deep', {}],
      ['inner', 'deeper', {}],
      ['deeper', 'bottom', {}],
    ] as const;
    for (const [parent, child, more] of links) await add(alice, rooms[parent] ?? '', rooms[child] ?? '', more);
    return rooms;
  };
  const named = (rooms: Record<string, string>, ...names: string[]): string[] => names.map((name) => rooms[name] ?? '');

  it('are walked depth first, each room with what it looks like from outside', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const rooms = await tree(alice);
    const answer = await hierarchy(bob, rooms['root'] ?? '');
    assert.deepEqual(idsOf(answer), named(rooms, 'root', 'first', 'inner', 'deep', 'deeper', 'bottom', 'last'));
    const [root, first] = roomsOf(answer);
    assert.deepEqual(childrenOf(root), named(rooms, 'first', 'inner', 'last'));
    const { children_state: children, ...look } = root ?? {};
    assert.deepEqual(look, {
      room_id: rooms['root'],
      name: 'root',
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
      room_type: 'm.space',
      room_version: '12',
    });
    const child = asObject(asArray(children, 'children_state')[0], 'a child');
    assert.deepEqual(
      [child['type'], child['sender'], child['content'], typeof child['origin_server_ts']],
      ['m.space.child', alice.userId, { via: ['hs1.test'], suggested: true }, 'number'],
    );
    assert.deepEqual(childrenOf(first), []);
  });

  it('are cut at a depth, and to what is suggested', async () => {
    const [alice] = await server.newUsers('alice');
    const rooms = await tree(alice);
    const root = rooms['root'] ?? '';
    assert.deepEqual(idsOf(await hierarchy(alice, root, { max_depth: 0 })), [root]);
    const shallow = await hierarchy(alice, root, { max_depth: 1 });
    assert.deepEqual(idsOf(shallow), named(rooms, 'root', 'first', 'inner', 'last'));
    assert.deepEqual(childrenOf(roomsOf(shallow)[2]), named(rooms, 'deep', 'deeper'));
    const suggested = await hierarchy(alice, root, { suggested_only: true });
    assert.deepEqual(idsOf(suggested), named(rooms, 'root', 'first', 'last'));
    assert.deepEqual(childrenOf(roomsOf(suggested)[0]), named(rooms, 'first', 'last'));
    assertError(await hierarchy(alice, root, { max_depth: -1 }), 400, 'M_INVALID_PARAM');
    assertError(await hierarchy(alice, root, { limit: 0 }), 400, 'M_INVALID_PARAM');
  });

  it('are paged through by tokens that belong to one walk', async () => {
    const [alice] = await server.newUsers('alice');
    const rooms = await tree(alice);
    const root = rooms['root'] ?? '';
    const whole = idsOf(await hierarchy(alice, root));
    const paged: string[] = [];
    let from: string | undefined;
    do {
      const page = await hierarchy(alice, root, { limit: 3, from });
      paged.push(...idsOf(page));
      from = optionalText(page.body, 'next_batch');
      if (from === undefined) break;
      for (const query of [{ max_depth: 2 }, { suggested_only: true }]) {
        assertError(await hierarchy(alice, root, { ...query, from }), 400, 'M_INVALID_PARAM');
      }
      assertError(await hierarchy(alice, rooms['inner'] ?? '', { from }), 400, 'M_INVALID_PARAM');
    } while (paged.length < 20);
    assert.deepEqual(paged, whole);
    assertError(await hierarchy(alice, root, { from: 'nonsense' }), 400, 'M_INVALID_PARAM');
  });

  it('list their children by order, then time, and leave out those without servers', async () => {
    const [alice] = await server.newUsers('alice');
    const root = await alice.createRoom(space);
    const made: string[] = [];
    for (let index = 0; index < 6; index += 1) made.push(await alice.createRoom());
    const [a = '', b = '', c = '', d = '', e = '', gone = ''] = made;
    await add(alice, root, a);
    await add(alice, root, b, { order: 'bb' });
    await add(alice, root, c, { order: '\u00e9 is not ASCII' });
    await add(alice, root, d, { order: ' ' });
    await add(alice, root, e, { order: 'x'.repeat(51) });
    await add(alice, root, gone);
    await alice.setState(root, 'm.space.child', {}, gone);
    const answer = await hierarchy(alice, root);
    assert.deepEqual(idsOf(answer), [root, d, b, a, c, e]);
    assert.deepEqual(childrenOf(roomsOf(answer)[0]), [d, b, a, c, e]);
  });

  it('V87: that contain one another end', async () => {
    const [alice] = await server.newUsers('alice');
    const [one, other] = [await alice.createRoom(space), await alice.createRoom(space)];
    await add(alice, one, other);
    await add(alice, other, one);
    await add(alice, one, one);
    assert.deepEqual(idsOf(await hierarchy(alice, one)), [one, other]);
    assert.deepEqual(idsOf(await hierarchy(alice, one, { limit: 1 })), [one]);
  });

  it('V51: show everybody only the rooms that they are in, may enter or knock on, or that the world may read', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const root = await alice.createRoom({ preset: 'public_chat', ...space });
    const club = await alice.createRoom();
    const rooms = {
      open: await alice.createRoom({ preset: 'public_chat', name: 'open' }),
      secret: await alice.createRoom({ name: 'secret' }),
      invited: await alice.createRoom({ name: 'invited', invite: [bob.userId] }),
      world: await alice.createRoom({ name: 'world', initial_state: world }),
      knock: await alice.createRoom({ name: 'knock', ...rules({ join_rule: 'knock' }) }),
      oldKnock: await alice.createRoom({ name: 'oldKnock', room_version: '6', ...rules({ join_rule: 'knock' }) }),
      members: await alice.createRoom({ name: 'members', ...restrictedTo(root) }),
      clubOnly: await alice.createRoom({ name: 'clubOnly', ...restrictedTo(club) }),
      both: await alice.createRoom({ name: 'both', ...restrictedTo(club, 'knock_restricted') }),
      banned: await alice.createRoom({ preset: 'public_chat', name: 'banned' }),
    };
    for (const roomId of Object.values(rooms)) await add(alice, root, roomId);
    await bob.join(root);
    await alice.raw('POST', `/rooms/${encode(rooms.banned)}/ban`, { body: { user_id: bob.userId } });
    const names = async (user: MatrixHttp): Promise<unknown[]> =>
      roomsOf(await hierarchy(user, root))
        .slice(1)
        .map((room) => room['name']);
    const everybody = ['open', 'world', 'knock', 'both'];
    assert.deepEqual(await names(bob), ['open', 'invited', 'world', 'knock', 'members', 'both']);
    assert.deepEqual(await names(carol), [...everybody, 'banned']);
    assert.deepEqual((await names(alice)).length, Object.keys(rooms).length);
    for (const name of ['secret', 'oldKnock', 'clubOnly'] as const) {
      assertError(await hierarchy(bob, rooms[name]), 403, 'M_FORBIDDEN');
      assertError(await summary(rooms[name], bob), 404, 'M_NOT_FOUND');
    }
    assertError(await hierarchy(bob, rooms.banned), 403, 'M_FORBIDDEN');
    assertError(await hierarchy(bob, '!nowhere:hs1.test'), 403, 'M_FORBIDDEN');
    await alice.invite(club, bob.userId);
    await bob.join(club);
    assert.ok((await names(bob)).includes('clubOnly'));
    assert.deepEqual((await summary(rooms.clubOnly, bob)).body['allowed_room_ids'], [club]);
    await bob.leave(club);
    assert.ok(!(await names(bob)).includes('clubOnly'));
  });

  it('a summary shows a room to whoever may know of it, by id or alias, without a login too', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const body = {
      preset: 'public_chat',
      name: 'Open',
      room_alias_name: `open-${encode(alice.deviceId.toLowerCase())}`,
    };
    const encryption = { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } };
    const roomId = await alice.createRoom({ ...body, initial_state: [encryption] });
    const alias = `#${body.room_alias_name}:hs1.test`;
    const expected = {
      room_id: roomId,
      name: 'Open',
      canonical_alias: alias,
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
      room_version: '12',
      encryption: 'm.megolm.v1.aes-sha2',
    };
    assert.deepEqual((await summary(alias)).body, expected);
    assert.deepEqual((await summary(roomId, alice)).body, { ...expected, membership: 'join' });
    const hidden = await alice.createRoom({ invite: [bob.userId] });
    assertError(await summary(hidden), 404, 'M_NOT_FOUND');
    assert.equal((await summary(hidden, bob)).body['membership'], 'invite');
    await bob.leave(hidden);
    assertError(await summary(hidden, bob), 404, 'M_NOT_FOUND');
    assertError(await summary('!nowhere:hs1.test'), 404, 'M_NOT_FOUND');
    assertError(await summary('nonsense'), 400, 'M_INVALID_PARAM');
  });
});

/** Proves what becomes of invitations by other servers: what is signed, who is told, and what is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { changeMembership } from '#test/federation/peer-member.ts';
import { foreignRoom, readPdu } from '#test/federation/inviting-room.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { encode, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startPeer, type Peer, type PeerAnswer } from '#test/support/peer.ts';

describe('invitations by other servers', () => {
  let server: FederatedServer;
  let peer: Peer;
  let stranger: Peer;
  let alice: MatrixHttp;
  before(async () => {
    server = await startFederatedServer('hs1.localhost');
    [peer, stranger] = await Promise.all([startPeer(), startPeer('stranger.localhost')]);
    alice = await server.newUser('alice');
  });
  after(async () => {
    await Promise.all([peer, stranger, server].map((one) => one[Symbol.asyncDispose]()));
  });

  const membershipOf = async (roomId: string, userId: string): Promise<unknown> =>
    (await alice.getFullState(roomId)).find((event) => event.type === 'm.room.member' && event.state_key === userId)
      ?.content['membership'];
  const send = (
    event: ValidatedPdu,
    body: JsonObject,
    { path = 'v2', from = peer, roomId = event.roomId, eventId = event.eventId } = {},
  ): Promise<PeerAnswer> =>
    from.ask(server, 'PUT', `/_matrix/federation/${path}/invite/${encode(roomId)}/${encode(eventId)}`, body);
  const bodyOf = (event: ValidatedPdu, state: readonly ValidatedPdu[]): JsonObject => ({
    room_version: event.version.id,
    event: JSON.parse(event.json),
    invite_room_state: state.map(({ json }) => JSON.parse(json)),
  });
  const newUser = (): Promise<MatrixHttp> => server.newUser(uniqueName('carol'));
  const isInvited = async (user: MatrixHttp, roomId: string): Promise<boolean> =>
    (await user.sync()).invite.has(roomId);

  test('are signed, and shown to the user with the room in stripped form, once', async () => {
    for (const version of ['1', '6', '10', '11', '12']) {
      const carol = await newUser();
      const { nextBatch: since } = await carol.sync();
      const waiting = carol.sync({ since, timeout: 30_000 });
      const room = foreignRoom(peer, version);
      const event = room.invite(carol.userId);
      const answer = await send(event, bodyOf(event, room.shown));
      assert.equal(answer.status, 200, answer.bodyText);
      const signed = readPdu(answer.body['event'], version);
      assert.equal(signed.eventId, event.eventId);
      assert.deepEqual(Object.keys(signed.pdu.signatures).toSorted(), [peer.name, server.name].toSorted());
      const told = await waiting;
      const shown = told.invite.get(room.roomId);
      assert.ok(shown);
      assert.deepEqual(shown.map((one) => one.type).toSorted(), ['m.room.create', 'm.room.member', 'm.room.name']);
      for (const one of shown) {
        assert.deepEqual(Object.keys(one).toSorted(), ['content', 'sender', 'state_key', 'type']);
      }
      const again = await send(event, bodyOf(event, room.shown));
      assert.equal(again.status, 200, again.bodyText);
      assert.equal((await carol.sync({ since: told.nextBatch })).invite.size, 0);
    }
  });

  test('V24 are signed only if they are invitations of a user of the sender to one of this server', async () => {
    for (const version of ['6', '12']) {
      const carol = await newUser();
      const room = foreignRoom(peer, version);
      const eve = stranger.userId('eve');
      const good = room.invite(carol.userId);
      const build = (changes: JsonObject, by = peer): ValidatedPdu =>
        room.build({ ...room.inviteOf(carol.userId), ...changes }, by);
      const other = foreignRoom(peer, version, 'other');
      const wrongs: readonly [string, ValidatedPdu, Parameters<typeof send>[2]?][] = [
        ...['join', 'leave', 'ban', 'knock'].map((membership): [string, ValidatedPdu] => [
          membership,
          build({ content: { membership } }),
        ]),
        ['no member event', build({ type: 'm.room.topic' })],
        ['a sender of a third server', build({ sender: eve })],
        ['a sender of a third server, signed by it', build({ sender: eve }, stranger)],
        ['a sender of this server', build({ sender: alice.userId })],
        ['somebody else', build({ state_key: peer.userId('dave') })],
        ['no user', build({ state_key: 'carol' })],
        ['a signature of another server', build({}, stranger)],
        ['sent by another server', good, { from: stranger }],
        ['another room in the path', good, { roomId: other.roomId }],
        ['another id in the path', good, { eventId: `$${'A'.repeat(43)}` }],
      ];
      for (const [what, event, named] of wrongs) {
        const answer = await send(event, bodyOf(event, room.shown), named);
        assert.deepEqual(
          [answer.status, answer.body['errcode']],
          [400, 'M_INVALID_PARAM'],
          `${what} ${answer.bodyText}`,
        );
        assert.ok(!answer.bodyText.includes('ed25519:'), 'no signature is given away');
      }
      assert.ok(!(await isInvited(carol, room.roomId)));
      assert.equal((await send(good, bodyOf(good, room.shown))).status, 200);
    }
  });

  test('V23 to rooms whose id is a hash prove which room it is', async () => {
    const carol = await newUser();
    const room = foreignRoom(peer, '12');
    const event = room.invite(carol.userId);
    const [create, ...others] = room.shown;
    assert.ok(create);
    const json = (pdu: ValidatedPdu): JsonObject => JSON.parse(pdu.json);
    const foreign = foreignRoom(peer, '12', 'other').shown[0];
    assert.ok(foreign);
    const base = bodyOf(event, room.shown);
    const states: readonly [string, JsonValue | undefined, string][] = [
      ['none', undefined, 'M_MISSING_PARAM'],
      ['no list', {}, 'M_INVALID_PARAM'],
      ['an empty list', [], 'M_INVALID_PARAM'],
      ['no create event', others.map(json), 'M_INVALID_PARAM'],
      ['the create event of another room', [json(foreign), ...others.map(json)], 'M_INVALID_PARAM'],
      [
        'stripped events',
        [{ type: 'm.room.create', state_key: '', sender: room.creator, content: {} }],
        'M_INVALID_PARAM',
      ],
      ['a create event without signature', [{ ...json(create), signatures: {} }], 'M_INVALID_PARAM'],
      [
        'a name with another content',
        [json(create), { ...room.named('x'), content: { name: 'y' } }],
        'M_INVALID_PARAM',
      ],
    ];
    for (const [what, state, errcode] of states) {
      const { invite_room_state: _state, ...rest } = base;
      const answer = await send(event, state === undefined ? rest : { ...rest, invite_room_state: state });
      assert.deepEqual([answer.status, answer.body['errcode']], [400, errcode], `${what}: ${answer.bodyText}`);
    }
    assert.ok(!(await isInvited(carol, room.roomId)));
  });

  test('V33 to older rooms come with what can be read of their state, and never spoil a sync', async () => {
    const carol = await newUser();
    const long = Array.from({ length: 2_000 }, () => ({
      type: 'm.x',
      state_key: '',
      sender: '@a:b',
      content: { x: 'y'.repeat(400) },
    }));
    for (const [index, state] of [null, {}, 'x', [null], [{}], [{ type: 1, content: [] }], long].entries()) {
      const room = foreignRoom(peer, '11', `odd ${index}`);
      const event = room.invite(carol.userId);
      const answer = await send(event, { ...bodyOf(event, []), invite_room_state: state });
      assert.equal(answer.status, 200, answer.bodyText);
      const shown = (await carol.sync()).invite.get(room.roomId);
      assert.ok(shown?.some((one) => one.type === 'm.room.member' && one.state_key === carol.userId));
      assert.ok(JSON.stringify(shown).length < 400_000);
    }
    const stray = foreignRoom(peer, '11', 'stray');
    const event = stray.invite(carol.userId);
    const answer = await send(event, bodyOf(event, foreignRoom(peer, '11', 'elsewhere').shown));
    assert.deepEqual([answer.status, answer.body['errcode']], [400, 'M_INVALID_PARAM']);
  });

  test('are refused for who is not here or takes none, and hidden from who ignores the sender', async () => {
    const room = foreignRoom(peer, '12');
    const nobody = room.invite(`@nobody:${server.name}`);
    const unknown = await send(nobody, bodyOf(nobody, room.shown));
    assert.deepEqual([unknown.status, unknown.body['errcode']], [404, 'M_NOT_FOUND']);
    const carol = await newUser();
    const event = room.invite(carol.userId);
    const account = `/user/${encode(carol.userId)}/account_data`;
    await carol.raw('PUT', `${account}/m.invite_permission_config`, { body: { default_action: 'block' } });
    const blocked = await send(event, bodyOf(event, room.shown));
    assert.deepEqual([blocked.status, blocked.body['errcode']], [403, 'M_INVITE_BLOCKED']);
    await carol.raw('PUT', `${account}/m.invite_permission_config`, { body: {} });
    assert.ok(!(await isInvited(carol, room.roomId)));
    const ignored = { ignored_users: { [room.creator]: {} } };
    await carol.raw('PUT', `${account}/m.ignored_user_list`, { body: ignored });
    assert.equal((await send(event, bodyOf(event, room.shown))).status, 200);
    assert.ok(!(await isInvited(carol, room.roomId)));
  });

  test('of a room version that is not known here are refused with that version', async () => {
    const carol = await newUser();
    const room = foreignRoom(peer, '12');
    const event = room.invite(carol.userId);
    const answer = await send(event, { ...bodyOf(event, room.shown), room_version: 'org.example.13' });
    assert.deepEqual([answer.status, answer.body['errcode']], [400, 'M_INCOMPATIBLE_ROOM_VERSION']);
    assert.equal(answer.body['room_version'], 'org.example.13');
  });

  test('by the first version of the endpoint are answered in its form', async () => {
    for (const version of ['1', '2']) {
      const carol = await newUser();
      const room = foreignRoom(peer, version);
      const event = room.invite(carol.userId);
      const unsigned = { invite_room_state: room.shown.map(({ json }): JsonValue => JSON.parse(json)) };
      const answer = await send(event, { ...JSON.parse(event.json), unsigned }, { path: 'v1' });
      const [status, container]: JsonValue[] = JSON.parse(answer.bodyText);
      assert.equal(status, 200);
      assert.ok(isJsonObject(container));
      const signed = readPdu(container['event'], version);
      assert.ok(signed.pdu.signatures[server.name]);
      assert.ok(await isInvited(carol, room.roomId));
    }
  });

  test('to a room that this server is in are judged by its rules, and part of it', async () => {
    const levels = { power_level_content_override: { invite: 0 } };
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11', ...levels });
    const bob = peer.userId(uniqueName('bob'));
    const { event: join, answer } = await changeMembership(peer, server, 'join', roomId, bob);
    assert.ok(Array.isArray(answer.body['state']));
    const state = answer.body['state'].map((event) => readPdu(event, '11'));
    const idOf = (type: string): string => state.find(({ pdu }) => pdu.type === type)?.eventId ?? '';
    const authEvents = [...['m.room.create', 'm.room.power_levels', 'm.room.join_rules'].map(idOf), join.eventId];
    const inviteTo = (invited: MatrixHttp, prev: string): ValidatedPdu =>
      peer.buildEvent({
        type: 'm.room.member',
        room_id: roomId,
        sender: bob,
        state_key: invited.userId,
        content: { membership: 'invite' },
        prev_events: [prev],
        auth_events: authEvents,
        depth: 20,
        origin_server_ts: Date.now(),
      });
    const carol = await newUser();
    const good = inviteTo(carol, join.eventId);
    assert.equal((await send(good, bodyOf(good, []))).status, 200);
    assert.equal(await membershipOf(roomId, carol.userId), 'invite');
    assert.ok((await carol.sync()).invite.get(roomId)?.some((one) => one.type === 'm.room.create'));

    // What it builds on is not here yet: it is signed, and comes with the rest of the room.
    const dave = await newUser();
    const early = inviteTo(dave, `$${'C'.repeat(43)}`);
    assert.equal((await send(early, bodyOf(early, []))).status, 200);
    assert.equal(await membershipOf(roomId, dave.userId), undefined);

    const stricter = { ...(await alice.getState(roomId, 'm.room.power_levels')), invite: 50 };
    await alice.setState(roomId, 'm.room.power_levels', stricter);
    const bad = inviteTo(dave, good.eventId);
    const refused = await send(bad, bodyOf(bad, []));
    assert.deepEqual([refused.status, refused.body['errcode']], [403, 'M_FORBIDDEN']);
    assert.equal(await membershipOf(roomId, dave.userId), undefined);
    await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['peer.localhost'] });
    const shut = await send(good, bodyOf(good, []));
    assert.deepEqual([shut.status, shut.body['errcode']], [403, 'M_FORBIDDEN']);
  });
});

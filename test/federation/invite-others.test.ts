/** Proves inviting users of other servers: who signs what, and what is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { signEvent } from '#matrix/signing.ts';
import { changeMembership } from '#test/federation/peer-member.ts';
import { readPdu } from '#test/federation/inviting-room.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { PeerReply, startPeer, type Peer, type PeerScript } from '#test/support/peer.ts';

describe('invitations of users of other servers', () => {
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
  const invite = (roomId: string, userId: string): Promise<Answer> =>
    alice.raw('POST', `/rooms/${encode(roomId)}/invite`, { body: { user_id: userId } });
  const answerInvites = (script: PeerScript): void =>
    peer.answer('PUT', /^\/_matrix\/federation\/v2\/invite\//, script);
  const invitesAsked = () => peer.requests.filter(({ target }) => target.includes('/invite/'));
  /** As an invited server answers: the event with its signature beside the other's. */
  const sign: PeerScript = ({ body }) => {
    assert.ok(isJsonObject(body) && isJsonObject(body['event']) && typeof body['room_version'] === 'string');
    const version = findRoomVersion(body['room_version']);
    assert.ok(version);
    return { event: signEvent(body['event'], version, peer.signer) };
  };

  test('go to the invited server, with the room as events, and into the room with both signatures', async () => {
    answerInvites(sign);
    for (const version of ['1', '6', '11', '12']) {
      const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version, name: 'Back room' });
      const bob = peer.userId(uniqueName('bob'));
      await alice.invite(roomId, bob);
      const { body, target } = invitesAsked().at(-1) ?? {};
      assert.ok(isJsonObject(body) && Array.isArray(body['invite_room_state']));
      const sent = readPdu(body['event'], version);
      assert.equal(target, `/_matrix/federation/v2/invite/${encode(roomId)}/${encode(sent.eventId)}`);
      assert.deepEqual([sent.pdu.sender, sent.pdu.state_key, sent.roomId], [alice.userId, bob, roomId]);
      assert.deepEqual(sent.pdu.content, { membership: 'invite' });
      const shown = body['invite_room_state'].map((event) => readPdu(event, version));
      assert.ok(shown.every((event) => event.roomId === roomId));
      const types = shown.map(({ pdu }) => pdu.type);
      assert.equal(types[0], 'm.room.create');
      for (const type of ['m.room.name', 'm.room.join_rules', 'm.room.member']) assert.ok(types.includes(type), type);
      assert.equal(await membershipOf(roomId, bob), 'invite');

      const { answer } = await changeMembership(peer, server, 'join', roomId, bob);
      const state = answer.body['state'];
      assert.ok(Array.isArray(state));
      const stored = state.map((event) => readPdu(event, version)).find(({ eventId }) => eventId === sent.eventId);
      const signers = Object.keys(stored?.pdu.signatures ?? {}).toSorted();
      assert.deepEqual(signers, [peer.name, server.name].toSorted());
    }
  });

  test('are told to the other servers in the room, and not before they are signed', async () => {
    const transactions: JsonObject[] = [];
    stranger.answer('PUT', /^\/_matrix\/federation\/v1\/send\//, ({ body }) => {
      assert.ok(isJsonObject(body) && Array.isArray(body['pdus']));
      transactions.push(...body['pdus'].filter(isJsonObject));
      return { pdus: {} };
    });
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await changeMembership(stranger, server, 'join', roomId, stranger.userId(uniqueName('eve')));
    answerInvites(() => new PeerReply(403, { errcode: 'M_FORBIDDEN', error: 'Not him.' }));
    assertError(await invite(roomId, peer.userId('nobody')), 403, 'M_FORBIDDEN');
    answerInvites(sign);
    const bob = peer.userId(uniqueName('bob'));
    await alice.invite(roomId, bob);
    const deadline = Date.now() + 30_000;
    while (transactions.length === 0) {
      assert.ok(Date.now() < deadline, 'the invitation was sent');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const told = readPdu(transactions[0], '12');
    assert.equal(told.pdu.state_key, bob);
    assert.deepEqual(Object.keys(told.pdu.signatures).toSorted(), [peer.name, server.name].toSorted());
  });

  test('are made with the room, and by setting state', async () => {
    answerInvites(sign);
    const [bob, carol] = [peer.userId(uniqueName('bob')), peer.userId(uniqueName('carol'))];
    const roomId = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob], is_direct: true });
    const state = await alice.getFullState(roomId);
    const create = state.find((event) => event.type === 'm.room.create');
    assert.deepEqual(create?.content['additional_creators'], [bob]);
    const member = state.find((event) => event.type === 'm.room.member' && event.state_key === bob);
    assert.deepEqual(member?.content, { membership: 'invite', is_direct: true });
    await alice.setState(roomId, 'm.room.member', { membership: 'invite', reason: 'come' }, carol);
    assert.equal(await membershipOf(roomId, carol), 'invite');
    const count = invitesAsked().length;
    await alice.invite(roomId, carol);
    assert.equal(invitesAsked().length, count, 'who is invited already is not asked for again');
  });

  test('do not happen when the other server refuses, and the inviter is told what it said', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    const bob = peer.userId(uniqueName('bob'));
    const refusals: readonly [PeerReply | JsonObject, number, string][] = [
      [new PeerReply(403, { errcode: 'M_FORBIDDEN', error: 'Not him.' }), 403, 'M_FORBIDDEN'],
      [new PeerReply(403, { errcode: 'M_INVITE_BLOCKED', error: 'No.' }), 403, 'M_INVITE_BLOCKED'],
      [new PeerReply(404, { errcode: 'M_NOT_FOUND', error: 'Who?' }), 404, 'M_NOT_FOUND'],
      [
        new PeerReply(400, { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', error: 'Too new.', room_version: '12' }),
        400,
        'M_UNSUPPORTED_ROOM_VERSION',
      ],
      [new PeerReply(400, { errcode: 'M_INVALID_PARAM', error: 'Bad.' }), 502, 'M_UNKNOWN'],
      [new PeerReply(400, { errcode: 'M_MISSING_PARAM', error: 'Bad.' }), 502, 'M_UNKNOWN'],
      [new PeerReply(500, { errcode: 'M_UNKNOWN', error: 'Broken.' }), 502, 'M_UNKNOWN'],
      [new PeerReply(200, 'no JSON'), 502, 'M_UNKNOWN'],
      [{}, 502, 'M_UNKNOWN'],
    ];
    for (const [reply, status, errcode] of refusals) {
      answerInvites(() => reply);
      assertError(await invite(roomId, bob), status, errcode);
    }
    assert.ok(
      !peer.requests.some(({ target }) => target.includes('/v1/invite/')),
      'the first version is for old rooms',
    );
    assert.equal(await membershipOf(roomId, bob), undefined);
    assert.equal(typeof (await alice.createRoom({ invite: [bob] })), 'string');
    assertError(await invite(roomId, '@bob:nobody.localhost:1'), 502, 'M_UNKNOWN');
  });

  test('V25 take nothing of the answer but the signature', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    const bob = peer.userId(uniqueName('bob'));
    const version = findRoomVersion('12');
    assert.ok(version);
    const signed = (event: JsonObject): JsonObject => ({ event: signEvent(event, version, peer.signer) });
    const eventOf = (body: JsonValue | undefined): JsonObject => {
      assert.ok(isJsonObject(body) && isJsonObject(body['event']));
      return body['event'];
    };
    // Unsigned; signed by another; another event that is signed; a signature of something else.
    const answers: readonly PeerScript[] = [
      ({ body }) => ({ event: eventOf(body) }),
      ({ body }) => ({ event: signEvent(eventOf(body), version, stranger.signer) }),
      ({ body }) => signed({ ...eventOf(body), content: { membership: 'join' } }),
      ({ body }) => {
        const event = eventOf(body);
        const other = signEvent({ ...event, depth: 1 }, version, peer.signer);
        return { event: { ...event, signatures: other['signatures'] ?? {} } };
      },
    ];
    for (const script of answers) {
      answerInvites(script);
      assertError(await invite(roomId, bob), 502, 'M_UNKNOWN');
    }
    assert.equal(await membershipOf(roomId, bob), undefined);
    // What it adds beside its signature is left.
    answerInvites(({ body }) => ({
      event: { ...signEvent(eventOf(body), version, peer.signer), unsigned: { x: 1 } },
    }));
    await alice.invite(roomId, bob);
    assert.equal(await membershipOf(roomId, bob), 'invite');
  });

  test('fall back to the first version of the endpoint in rooms of versions 1 and 2', async () => {
    for (const [versionId, status] of [
      ['1', 404],
      ['2', 400],
    ] as const) {
      const version = findRoomVersion(versionId);
      assert.ok(version);
      answerInvites(() => new PeerReply(status, { errcode: 'M_UNRECOGNIZED', error: 'What?' }));
      peer.answer('PUT', /^\/_matrix\/federation\/v1\/invite\//, ({ body }, response) => {
        assert.ok(isJsonObject(body) && isJsonObject(body['unsigned']));
        assert.ok(Array.isArray(body['unsigned']['invite_room_state']));
        const { unsigned: _unsigned, ...event } = body;
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify([200, { event: signEvent(event, version, peer.signer) }]));
        return undefined;
      });
      const roomId = await alice.createRoom({ preset: 'private_chat', room_version: versionId });
      const bob = peer.userId(uniqueName('bob'));
      await alice.invite(roomId, bob);
      assert.equal(await membershipOf(roomId, bob), 'invite');
    }
  });

  test('are for the room to permit, before the other server hears of them', async () => {
    answerInvites(sign);
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    const bob = peer.userId(uniqueName('bob'));
    await alice.raw('POST', `/rooms/${encode(roomId)}/ban`, { body: { user_id: bob } });
    const count = invitesAsked().length;
    assertError(await invite(roomId, bob), 403, 'M_FORBIDDEN');
    const closed = await alice.createRoom({ creation_content: { 'm.federate': false } });
    assertError(await invite(closed, bob), 403, 'M_FORBIDDEN');
    assert.equal(invitesAsked().length, count);
  });
});

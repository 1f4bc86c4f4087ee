/** Proves how users of other servers get into rooms that are here, and out of them: templates, submissions, and their refusals. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { eventIdsOf, type JsonObject, type JsonValue } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { askTemplate, changeMembership, fillTemplate, readPdus, submit } from '#test/federation/peer-member.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { encode, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startPeer, type Peer, type PeerAnswer } from '#test/support/peer.ts';

describe('admitting users of other servers', () => {
  let server: FederatedServer;
  let peer: Peer;
  let stranger: Peer;
  let alice: MatrixHttp;
  before(async () => {
    server = await startFederatedServer('hs1.localhost');
    [peer, stranger] = await Promise.all([startPeer(), startPeer('stranger.localhost')]);
    for (const one of [peer, stranger]) one.answer('PUT', /^\/_matrix\/federation\/v1\/send\//, () => ({ pdus: {} }));
    alice = await server.newUser('alice');
  });
  after(async () => {
    await Promise.all([peer, stranger, server].map((one) => one[Symbol.asyncDispose]()));
  });

  const publicRoom = (extra: JsonObject = {}): Promise<string> => alice.createRoom({ preset: 'public_chat', ...extra });
  const membershipOf = async (roomId: string, userId: string): Promise<unknown> =>
    (await alice.getFullState(roomId)).find((event) => event.type === 'm.room.member' && event.state_key === userId)
      ?.content['membership'];

  test('a join is answered with the state before it and all that this cites, in every form of events', async () => {
    for (const version of ['1', '3', '6', '10', '11', '12']) {
      const roomId = await publicRoom({ room_version: version, name: 'Open house' });
      const bob = peer.userId(uniqueName('bob'));
      const { event, answer } = await changeMembership(peer, server, 'join', roomId, bob);
      assert.equal(answer.body['members_omitted'], false);
      assert.deepEqual(answer.body['servers_in_room'], [server.name]);
      const state = readPdus(answer.body['state'], version);
      const chain = readPdus(answer.body['auth_chain'], version);
      const types = state.map(({ pdu }) => pdu.type).toSorted();
      assert.deepEqual(types, [
        'm.room.create',
        'm.room.guest_access',
        'm.room.history_visibility',
        'm.room.join_rules',
        'm.room.member',
        'm.room.name',
        'm.room.power_levels',
      ]);
      // The chain is closed: what the state, the join and the chain itself cite is in it.
      const inChain = new Set(chain.map(({ eventId }) => eventId));
      for (const { pdu } of [...state, ...chain, event]) {
        for (const id of eventIdsOf(pdu.auth_events)) assert.ok(inChain.has(id), `${version}: ${id}`);
      }
      assert.ok(chain.some(({ pdu }) => pdu.type === 'm.room.create'));
      assert.equal(await membershipOf(roomId, bob), 'join');

      // An answer that was lost is asked for again.
      const again = await submit(peer, server, 'join', event);
      assert.equal(again.status, 200, again.bodyText);
      assert.deepEqual(again.body['state'], answer.body['state']);
    }
  });

  test('a user of another server joins, leaves, knocks and is seen to', async () => {
    const roomId = await publicRoom();
    const bob = peer.userId(uniqueName('bob'));
    await changeMembership(peer, server, 'join', roomId, bob);
    const { answer } = await changeMembership(peer, server, 'leave', roomId, bob);
    assert.deepEqual(answer.body, {});
    assert.equal(await membershipOf(roomId, bob), 'leave');

    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' });
    const knock = await changeMembership(peer, server, 'knock', roomId, bob);
    assert.equal(await membershipOf(roomId, bob), 'knock');
    const shown = readPdus(knock.answer.body['knock_room_state'], '12');
    assert.equal(shown[0]?.pdu.type, 'm.room.create');
    assert.equal(shown[0].roomId, roomId);
    await changeMembership(peer, server, 'leave', roomId, bob);
    assert.equal(await membershipOf(roomId, bob), 'leave');
  });

  test('a template is made for what the room permits, and for users of the asking server', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    const bob = peer.userId(uniqueName('bob'));
    for (const membership of ['join', 'leave', 'knock'] as const) {
      assertRefusal(await askTemplate(peer, server, membership, roomId, bob), 403, 'M_FORBIDDEN');
      assertRefusal(await askTemplate(peer, server, membership, roomId, alice.userId), 403, 'M_FORBIDDEN');
      assertRefusal(await askTemplate(peer, server, membership, roomId, stranger.userId('eve')), 403, 'M_FORBIDDEN');
      const nowhere = `!${'A'.repeat(43)}`;
      assertRefusal(await askTemplate(peer, server, membership, nowhere, bob), 404, 'M_NOT_FOUND');
    }
  });

  test('a template is not made for a server that does not know the room version', async () => {
    const roomId = await publicRoom({ room_version: '10' });
    const bob = peer.userId(uniqueName('bob'));
    for (const query of ['', '?ver=1&ver=2', '?ver=11&ver=org.example.own']) {
      for (const membership of ['join', 'knock'] as const) {
        const answer = await askTemplate(peer, server, membership, roomId, bob, query);
        assertRefusal(answer, 400, 'M_INCOMPATIBLE_ROOM_VERSION');
        assert.equal(answer.body['room_version'], '10');
      }
    }
    assert.equal((await askTemplate(peer, server, 'join', roomId, bob, '?ver=9&ver=10')).status, 200);
  });

  test('a room that all users of this server have left is none of its rooms any more', async () => {
    const roomId = await publicRoom();
    const bob = peer.userId(uniqueName('bob'));
    const event = fillTemplate(peer, await askTemplate(peer, server, 'join', roomId, bob));
    await alice.leave(roomId);
    assertRefusal(await askTemplate(peer, server, 'join', roomId, bob), 404, 'M_NOT_FOUND');
    assertRefusal(await submit(peer, server, 'join', event), 404, 'M_NOT_FOUND');
  });

  test('V06 a server that the access list shuts out gets no template and submits nothing', async () => {
    const roomId = await publicRoom();
    const bob = peer.userId(uniqueName('bob'));
    const event = fillTemplate(peer, await askTemplate(peer, server, 'join', roomId, bob));
    await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['PEER.localhost'] });
    for (const membership of ['join', 'leave', 'knock'] as const) {
      assertRefusal(await askTemplate(peer, server, membership, roomId, bob), 403, 'M_FORBIDDEN');
      assertRefusal(await submit(peer, server, membership, event), 403, 'M_FORBIDDEN');
    }
    assert.equal(await membershipOf(roomId, bob), undefined);
  });

  test('V04 V05 what is submitted must be what the path and the endpoint name, signed by its sender', async () => {
    for (const version of ['6', '12']) {
      const roomId = await publicRoom({ room_version: version });
      const otherRoomId = await publicRoom({ room_version: version });
      const bob = peer.userId(uniqueName('bob'));
      const eve = stranger.userId(uniqueName('eve'));
      const template = await askTemplate(peer, server, 'join', roomId, bob);
      const build = (changes: JsonObject, signer = peer): ValidatedPdu => fillTemplate(signer, template, changes);
      const good = build({});
      const wrongs: readonly [what: string, event: ValidatedPdu, named?: { roomId?: string; eventId?: string }][] = [
        ['no member event', build({ type: 'm.room.message', content: { msgtype: 'm.text', body: 'hi' } })],
        ['a member event that is no state', withoutStateKey(peer, template)],
        ['another membership', build({ content: { membership: 'leave' } })],
        ['an invitation', build({ content: { membership: 'invite' } })],
        ['somebody else', build({ state_key: peer.userId('carol') })],
        ['the join of a user of a third server, signed by it', build({ sender: eve, state_key: eve }, stranger)],
        ['the join of a user of a third server', build({ sender: eve, state_key: eve })],
        ['the join of a user of this server', build({ sender: alice.userId, state_key: alice.userId })],
        ['a signature of another server', build({}, stranger)],
        ['another room in the path', good, { roomId: otherRoomId }],
        ['another room in the event', build({ room_id: otherRoomId }), { roomId }],
        ['another id in the path', good, { eventId: `$${'A'.repeat(43)}` }],
        ['a content that was not signed', tampered(good)],
      ];
      for (const [what, event, named] of wrongs) {
        const answer = await submit(peer, server, 'join', event, named);
        assertRefusal(answer, 400, 'M_INVALID_PARAM', what);
        if (event !== good) await assertUnknown(roomId, event.eventId, what);
      }
      await assertUnknown(roomId, good.eventId, 'what was named wrongly');
      assert.equal(await membershipOf(roomId, bob), undefined);
      // Both rooms go on.
      for (const id of [roomId, otherRoomId]) await changeMembership(peer, server, 'join', id, bob);
    }
  });

  test('leaves and knocks are looked at as joins are', async () => {
    const roomId = await publicRoom();
    const bob = peer.userId(uniqueName('bob'));
    const { event: join } = await changeMembership(peer, server, 'join', roomId, bob);
    for (const membership of ['leave', 'knock'] as const) {
      assertRefusal(await submit(peer, server, membership, join), 400, 'M_INVALID_PARAM');
      const template = await askTemplate(peer, server, 'leave', roomId, bob);
      const carol = peer.userId('carol');
      for (const changes of [{ content: { membership: 'join' } }, { content: { membership }, state_key: carol }]) {
        const answer = await submit(peer, server, membership, fillTemplate(peer, template, changes));
        assertRefusal(answer, 400, 'M_INVALID_PARAM', JSON.stringify(changes));
      }
    }
    assert.equal(await membershipOf(roomId, bob), 'join');
  });

  test('a user who is banned cannot be submitted by way of a template for somebody else', async () => {
    const roomId = await publicRoom();
    const bob = peer.userId(uniqueName('bob'));
    await alice.raw('POST', `/rooms/${encode(roomId)}/ban`, { body: { user_id: bob } });
    assertRefusal(await askTemplate(peer, server, 'join', roomId, bob), 403, 'M_FORBIDDEN');
    const template = await askTemplate(peer, server, 'join', roomId, peer.userId(uniqueName('carol')));
    const event = fillTemplate(peer, template, { sender: bob, state_key: bob });
    assertRefusal(await submit(peer, server, 'join', event), 403, 'M_FORBIDDEN');
    await assertUnknown(roomId, event.eventId, 'the join of who is banned');
    assert.equal(await membershipOf(roomId, bob), 'ban');
  });

  test('an event that builds on events which are not here is refused', async () => {
    const roomId = await publicRoom();
    const template = await askTemplate(peer, server, 'join', roomId, peer.userId(uniqueName('bob')));
    for (const list of ['prev_events', 'auth_events']) {
      const event = fillTemplate(peer, template, { [list]: [`$${'B'.repeat(43)}`] });
      assertRefusal(await submit(peer, server, 'join', event), 400, 'M_INVALID_PARAM');
    }
  });

  test('the first version of the endpoints says the same in its own form', async () => {
    const roomId = await publicRoom();
    const bob = peer.userId(uniqueName('bob'));
    for (const membership of ['join', 'leave'] as const) {
      const event = fillTemplate(peer, await askTemplate(peer, server, membership, roomId, bob));
      const path = `/_matrix/federation/v1/send_${membership}/${encode(roomId)}/${encode(event.eventId)}`;
      const wrong = await peer.ask(server, 'PUT', path, {
        ...JSON.parse(event.json),
        content: { membership: 'knock' },
      });
      assertRefusal(wrong, 400, 'M_INVALID_PARAM');
      const answer = await peer.ask(server, 'PUT', path, JSON.parse(event.json));
      const [status, rest]: JsonValue[] = JSON.parse(answer.bodyText);
      assert.equal(status, 200);
      assert.ok(isJsonObject(rest));
      if (membership === 'join') assert.ok(readPdus(rest['state'], '12').length > 0);
      assert.equal(await membershipOf(roomId, bob), membership);
    }
  });

  test('what is admitted goes to the other servers in the room, and kicks, bans and their lifting to the server they hit', async () => {
    const roomId = await publicRoom();
    const [bob, eve] = [peer.userId(uniqueName('bob')), stranger.userId(uniqueName('eve'))];
    await changeMembership(stranger, server, 'join', roomId, eve);
    const { event } = await changeMembership(peer, server, 'join', roomId, bob);
    const relayed = await awaitPdu(stranger, (pdu) => pdu['state_key'] === bob);
    assert.deepEqual(relayed, JSON.parse(event.json));
    const act = async (action: string, expected: string): Promise<void> => {
      const before = pdusTo(peer).length;
      const answer = await alice.raw('POST', `/rooms/${encode(roomId)}/${action}`, { body: { user_id: bob } });
      assert.equal(answer.status, 200, answer.bodyText);
      const isIt = (pdu: JsonObject): boolean => pdu['sender'] === alice.userId && pdu['state_key'] === bob;
      const told = await awaitPdu(peer, isIt, before);
      assert.deepEqual(told['content'], { membership: expected });
    };
    await act('kick', 'leave');
    await changeMembership(peer, server, 'join', roomId, bob);
    await act('ban', 'ban');
    assertRefusal(await askTemplate(peer, server, 'join', roomId, bob), 403, 'M_FORBIDDEN');
    await act('unban', 'leave');
    await changeMembership(peer, server, 'join', roomId, bob);
    assert.equal(await membershipOf(roomId, bob), 'join');
  });

  describe('a restricted room', () => {
    const restrictedTo = (roomId: string, extra: JsonObject = {}): Promise<string> =>
      alice.createRoom({
        preset: 'private_chat',
        initial_state: [
          {
            type: 'm.room.join_rules',
            content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: roomId }] },
          },
        ],
        ...extra,
      });

    test('lets in who is in the other room, by the word and signature of a member who may invite', async () => {
      for (const version of ['8', '10', '12']) {
        const hall = await publicRoom({ room_version: version });
        const roomId = await restrictedTo(hall, { room_version: version });
        const bob = peer.userId(uniqueName('bob'));
        assertRefusal(await askTemplate(peer, server, 'join', roomId, bob), 403, 'M_FORBIDDEN');
        await changeMembership(peer, server, 'join', hall, bob);
        const { event, answer } = await changeMembership(peer, server, 'join', roomId, bob);
        assert.equal(event.pdu.content['join_authorised_via_users_server'], alice.userId);
        const [sent] = readPdus([answer.body['event'] ?? null], version);
        assert.equal(sent?.eventId, event.eventId);
        assert.deepEqual(Object.keys(sent.pdu.signatures).toSorted(), [peer.name, server.name].toSorted());
        assert.equal(await membershipOf(roomId, bob), 'join');
      }
    });

    test('does not vouch for who claims that somebody lets them in', async () => {
      const roomId = await restrictedTo(await publicRoom());
      const open = await publicRoom();
      const bob = peer.userId(uniqueName('bob'));
      const elsewhere = await askTemplate(peer, server, 'join', open, bob);
      const own = await alice.getFullState(roomId);
      const content = { membership: 'join', join_authorised_via_users_server: alice.userId };
      const state = (type: string): string => own.find((event) => event.type === type)?.event_id ?? '';
      const authEvents = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'].map(state);
      const last = (await alice.getMessages(roomId, { dir: 'b', limit: 1 })).chunk[0]?.event_id ?? '';
      const changes = { room_id: roomId, content, auth_events: authEvents, prev_events: [last] };
      const event = fillTemplate(peer, elsewhere, changes);
      const answer = await submit(peer, server, 'join', event);
      assertRefusal(answer, 403, 'M_FORBIDDEN');
      assert.ok(!answer.bodyText.includes('ed25519:'), 'no signature is given away');
      await assertUnknown(roomId, event.eventId, 'what nobody vouches for');
    });

    test('sends on to another server who may be let in by rooms or members that are not here', async () => {
      const bob = peer.userId(uniqueName('bob'));
      const unknown = await restrictedTo('!elsewhere:far.example');
      assertRefusal(await askTemplate(peer, server, 'join', unknown, bob), 400, 'M_UNABLE_TO_AUTHORISE_JOIN');
      const hall = await publicRoom({ room_version: '10' });
      await changeMembership(peer, server, 'join', hall, bob);
      const roomId = await restrictedTo(hall, { room_version: '10' });
      await changeMembership(peer, server, 'join', roomId, bob);
      await changeMembership(peer, server, 'leave', roomId, bob);
      await alice.setState(roomId, 'm.room.power_levels', { users: { [alice.userId]: 0 }, invite: 50 });
      assertRefusal(await askTemplate(peer, server, 'join', roomId, bob), 400, 'M_UNABLE_TO_GRANT_JOIN');
    });
  });

  async function assertUnknown(roomId: string, eventId: string, what: string): Promise<void> {
    const answer = await alice.raw('GET', `/rooms/${encode(roomId)}/event/${encode(eventId)}`);
    assert.equal(answer.status, 404, `${what}: ${answer.bodyText}`);
  }
});

/** The events of the transactions that a peer was sent. */
function pdusTo(peer: Peer): JsonObject[] {
  return peer.requests.flatMap(({ target, body }) => {
    const pdus = target.startsWith('/_matrix/federation/v1/send/') && isJsonObject(body) ? body['pdus'] : undefined;
    return Array.isArray(pdus) ? pdus.filter(isJsonObject) : [];
  });
}

/** The first of them, from the given one on, that is wanted; waits for it. */
async function awaitPdu(peer: Peer, isWanted: (pdu: JsonObject) => boolean, from = 0): Promise<JsonObject> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = pdusTo(peer).slice(from).find(isWanted);
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadline, 'the event was sent');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function withoutStateKey(peer: Peer, template: PeerAnswer): ValidatedPdu {
  const { event, room_version: version } = template.body;
  assert.ok(isJsonObject(event) && typeof version === 'string');
  const { state_key: _stateKey, ...kept } = event;
  return peer.buildEvent(kept, version);
}

/** With a display name that the signature covers no more than any content: only the hash does. */
function tampered(event: ValidatedPdu): ValidatedPdu {
  const pdu: JsonObject = JSON.parse(event.json);
  const verdict = validatePdu(
    JSON.stringify({ ...pdu, content: { membership: 'join', displayname: 'Somebody' } }),
    event.version,
  );
  assert.ok(verdict.ok && verdict.event.eventId === event.eventId);
  return verdict.event;
}

function assertRefusal(answer: PeerAnswer, status: number, errcode: string, what = ''): void {
  assert.deepEqual([answer.status, answer.body['errcode']], [status, errcode], `${what}: ${answer.bodyText}`);
}

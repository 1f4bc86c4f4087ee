/** Proves joining rooms of other servers: what is asked, what is believed, and what the user's clients see of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import { eventsIn, objectIn, pduOf, ResidentRoom } from '#test/federation/resident-room.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';

describe('joining rooms of other servers', () => {
  let server: FederatedServer;
  let peer: Peer;
  let other: Peer;
  let user: MatrixHttp;
  before(async () => {
    [server, peer, other] = await Promise.all([
      startFederatedServer('hs1.localhost', { CAUSEWAY_FEDERATION_JOIN_BYTES_MAX: '300000' }),
      startPeer(),
      startPeer('other.localhost'),
    ]);
    user = await server.newUser('joiner');
  });
  after(async () => {
    await Promise.all([server, peer, other].map((each) => each[Symbol.asyncDispose]()));
  });

  const join = (who: MatrixHttp, roomId: string, via: readonly string[], body: JsonObject = {}): Promise<Answer> => {
    const query = via.map((name) => `via=${encode(name)}`).join('&');
    return who.raw('POST', `/join/${encode(roomId)}?${query}`, { body });
  };
  const joinedMembers = async (who: MatrixHttp, roomId: string): Promise<string[]> => {
    const members = await who.getMembers(roomId, { membership: 'join' });
    return members.map((event) => event.state_key ?? '').toSorted(byText);
  };
  const countAsked = (part: string): number => peer.requests.filter(({ target }) => target.includes(part)).length;

  for (const version of ['1', '6', '10', '11', '12']) {
    test(`a room of version ${version} is joined: its state, the join in the timeline, the user's profile`, async () => {
      const room = new ResidentRoom(peer, version);
      room.member(peer.userId('friend'), 'join');
      room.setState('m.room.topic', '', { topic: `far away ${version}` });
      room.say('before');
      room.serve();
      const joiner = await server.newUser(`in${version}`);
      await joiner.raw('PUT', `/profile/${encode(joiner.userId)}/displayname`, { body: { displayname: 'Joiner' } });
      const { nextBatch } = await joiner.sync();
      const answer = await join(joiner, room.roomId, [peer.name], { reason: 'to see' });
      assert.deepEqual([answer.status, answer.body], [200, { room_id: room.roomId }]);

      const make = peer.requests.findLast(({ target }) => target.includes('/make_join/'));
      const asked = new URL(make?.target ?? '', 'https://x').searchParams.getAll('ver');
      assert.deepEqual(new Set(asked), new Set(roomVersions.keys()));
      const own = room.events.at(-1)?.pdu;
      assert.deepEqual(own?.content, { membership: 'join', displayname: 'Joiner', reason: 'to see' });

      const members = [peer.userId('creator'), peer.userId('friend'), joiner.userId].toSorted(byText);
      assert.deepEqual(await joinedMembers(joiner, room.roomId), members);
      assert.deepEqual(await joiner.getState(room.roomId, 'm.room.topic'), { topic: `far away ${version}` });
      for (const since of [undefined, nextBatch]) {
        const section = (await joiner.sync({ since })).join.get(room.roomId);
        assert.ok(section);
        assert.ok(section.timeline.some((event) => event.state_key === joiner.userId));
        const all = [...(section.state ?? []), ...section.timeline];
        assert.ok(
          all.some(({ type, content }) => type === 'm.room.topic' && content['topic'] === `far away ${version}`),
        );
      }
      // Its owner may say something at once, which follows the join.
      await joiner.sendText(room.roomId, 'here I am');
    });
  }

  test('a room is found by the alias of another server, and GET /directory/room tells its servers', async () => {
    const room = new ResidentRoom(peer, '11');
    room.serve();
    const alias = `#far:${peer.name}`;
    peer.answer('GET', `/_matrix/federation/v1/query/directory`, ({ target }) => {
      const asked = new URL(target, 'https://x').searchParams.get('room_alias');
      if (asked !== alias) return new PeerReply(404, { errcode: 'M_NOT_FOUND', error: 'No.' });
      return { room_id: room.roomId, servers: [peer.name, other.name, 'no server name', 7] };
    });
    const found = await user.raw('GET', `/directory/room/${encode(alias)}`);
    assert.deepEqual(found.body, { room_id: room.roomId, servers: [peer.name, other.name] });
    assertError(await user.raw('GET', `/directory/room/${encode(`#none:${peer.name}`)}`), 404, 'M_NOT_FOUND');
    const answer = await join(user, alias, []);
    assert.deepEqual([answer.status, answer.body], [200, { room_id: room.roomId }]);
    assert.ok((await user.sync()).join.has(room.roomId));
  });

  test('to be in a room is enough: joining again asks nobody', async () => {
    const room = new ResidentRoom(peer, '12');
    room.serve();
    assertJoined(await join(user, room.roomId, [peer.name]));
    const asked = peer.requests.length;
    assertJoined(await join(user, room.roomId, [peer.name]));
    assert.equal(peer.requests.length, asked);
  });

  test('of two users who join an unknown room at once one fetches its state, and the other finds it here', async () => {
    const room = new ResidentRoom(peer, '11');
    room.serve();
    const users = await Promise.all([server.newUser('one'), server.newUser('two')]);
    const before = countAsked('/send_join/');
    const answers = await Promise.all(users.map((each) => join(each, room.roomId, [peer.name])));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    assert.equal(countAsked('/send_join/'), before + 1);
    const members = [room.creator, ...users.map(({ userId }) => userId)].toSorted(byText);
    assert.deepEqual(await joinedMembers(users[0], room.roomId), members);
  });

  test('servers are asked in their order, and the most telling refusal reaches the user', async () => {
    const room = new ResidentRoom(peer, '11');
    room.refuse(404, 'M_NOT_FOUND');
    const forbidden = `/_matrix/federation/v1/make_join/${encode(room.roomId)}/${encode(user.userId)}`;
    other.answer('GET', forbidden, () => new PeerReply(403, { errcode: 'M_FORBIDDEN', error: 'Not you.' }));
    assertError(await join(user, room.roomId, [other.name, peer.name]), 403, 'M_FORBIDDEN');
    room.serve();
    // Who names servers is answered by them alone, though the room's id names one that would let them in.
    assertError(await join(user, room.roomId, [other.name]), 403, 'M_FORBIDDEN');
    assertJoined(await join(user, room.roomId, [other.name, peer.name]));
  });

  test('a room of a version that neither side has in common is refused with that version', async () => {
    const room = new ResidentRoom(peer, '11');
    room.refuse(400, 'M_INCOMPATIBLE_ROOM_VERSION', { room_version: 'org.example.far' });
    const refused = await join(user, room.roomId, [peer.name]);
    assertError(refused, 400, 'M_INCOMPATIBLE_ROOM_VERSION');
    assert.equal(refused.body['room_version'], 'org.example.far');
  });

  test('a room that no server is known to be in is not found; one whose server is away is a bad gateway', async () => {
    assertError(await join(user, `!nobody:${server.name}`, []), 404, 'M_NOT_FOUND');
    assertError(await join(user, '!nobody:gone.localhost:1', []), 502, 'M_UNKNOWN');
  });

  test('a user who comes back finds the room as it is by now', async () => {
    const room = new ResidentRoom(peer, '11');
    room.setState('m.room.topic', '', { topic: 'then' });
    room.member(peer.userId('friend'), 'join');
    room.serve();
    assertJoined(await join(user, room.roomId, [peer.name]));
    await user.leave(room.roomId);
    // The peer has not heard of it, and puts them out itself.
    room.member(user.userId, 'leave', room.creator);
    room.member(peer.userId('friend'), 'leave');
    room.member(peer.userId('newcomer'), 'join');
    room.setState('m.room.topic', '', { topic: 'now' });
    const { nextBatch } = await user.sync();
    assertJoined(await join(user, room.roomId, [peer.name]));
    const members = [room.creator, peer.userId('newcomer'), user.userId].toSorted(byText);
    assert.deepEqual(await joinedMembers(user, room.roomId), members);
    assert.deepEqual(await user.getState(room.roomId, 'm.room.topic'), { topic: 'now' });
    const section = (await user.sync({ since: nextBatch })).join.get(room.roomId);
    assert.ok(section?.state?.some(({ content }) => content['topic'] === 'now'));
    await user.sendText(room.roomId, 'back again');
  });

  test('a few events that nobody can verify are left out of the state, and the join succeeds', async () => {
    const room = new ResidentRoom(peer, '11');
    const name = room.setState('m.room.name', '', { name: 'forged' });
    room.member(peer.userId('friend'), 'join');
    room.serve();
    peer.answer('PUT', new RegExp(`/v2/send_join/${encode(room.roomId)}/`), (request) => {
      const answer = room.answerJoin();
      const forge = (event: JsonObject): JsonObject =>
        event['type'] === 'm.room.name' ? { ...event, signatures: { [peer.name]: { 'ed25519:no': 'AAAA' } } } : event;
      const events = (key: string): JsonObject[] => eventsIn(answer[key]).map(forge);
      room.accept(room.read(request));
      return { ...answer, state: [...events('state'), { type: 'no event' }], auth_chain: events('auth_chain') };
    });
    assertJoined(await join(user, room.roomId, [peer.name]));
    assert.equal((await user.raw('GET', `/rooms/${encode(room.roomId)}/state/m.room.name/`)).status, 404);
    assert.ok((await joinedMembers(user, room.roomId)).includes(peer.userId('friend')));
    assert.equal(name.pdu.type, 'm.room.name');
  });

  test('V26 events of other rooms and second ones of one key are left out of the state, and the join succeeds', async () => {
    const room = new ResidentRoom(peer, '11');
    room.setState('m.room.topic', '', { topic: 'first' });
    const stranger = new ResidentRoom(peer, '11');
    const foreign = stranger.setState('m.room.name', '', { name: 'of another room' });
    const second = room.build({ type: 'm.room.topic', stateKey: '', content: { topic: 'second' } });
    room.serve();
    peer.answer('PUT', new RegExp(`/v2/send_join/${encode(room.roomId)}/`), (request) => {
      const answer = room.answerJoin();
      room.accept(room.read(request));
      return { ...answer, state: [...eventsIn(answer['state']), pduOf(foreign), pduOf(second)] };
    });
    assertJoined(await join(user, room.roomId, [peer.name]));
    assert.deepEqual(await user.getState(room.roomId, 'm.room.topic'), { topic: 'first' });
    const state = await user.getFullState(room.roomId);
    assert.equal(state.filter(({ type }) => type === 'm.room.topic').length, 1);
    assert.ok(state.every((event) => event.event_id !== foreign.eventId));
    assertError(await user.raw('GET', `/rooms/${encode(stranger.roomId)}/state`), 403, 'M_FORBIDDEN');
  });

  test('what happens in the room while it is being entered arrives', async () => {
    const room = new ResidentRoom(peer, '11');
    room.serve();
    let sent: Promise<unknown> | undefined;
    let said = '';
    peer.answer('PUT', new RegExp(`/v2/send_join/${encode(room.roomId)}/`), (request) => {
      const answer = room.answerJoin();
      room.accept(room.read(request));
      const event = room.say('meanwhile');
      said = event.eventId;
      const body = { origin: peer.name, origin_server_ts: Date.now(), pdus: [pduOf(event)] };
      sent = peer.ask(server, 'PUT', '/_matrix/federation/v1/send/meanwhile', body);
      return answer;
    });
    assertJoined(await join(user, room.roomId, [peer.name]));
    await sent;
    let { nextBatch: since, ...answer } = await user.sync();
    const isThere = (): boolean =>
      answer.join.get(room.roomId)?.timeline.some(({ event_id: id }) => id === said) === true;
    const deadline = Date.now() + 20_000;
    while (!isThere() && Date.now() < deadline)
      ({ nextBatch: since, ...answer } = await user.sync({ since, timeout: 1_000 }));
    assert.ok(isThere());
  });

  test('a room may go by an alias of another server if that leads to it', async () => {
    const roomId = await user.createRoom({});
    const alias = `#ours:${other.name}`;
    let led = `!elsewhere:${other.name}`;
    other.answer('GET', '/_matrix/federation/v1/query/directory', () => ({ room_id: led, servers: [other.name] }));
    const set = (): Promise<Answer> =>
      user.raw('PUT', `/rooms/${encode(roomId)}/state/m.room.canonical_alias/`, { body: { alt_aliases: [alias] } });
    assertError(await set(), 400, 'M_BAD_ALIAS');
    led = roomId;
    assert.equal((await set()).status, 200);
  });

  const hostile: readonly [string, (answer: JsonObject, room: ResidentRoom) => JsonObject | string][] = [
    ['no state', ({ auth_chain: chain = [] }) => ({ auth_chain: chain })],
    ['no create event', (answer) => without(answer, 'm.room.create')],
    ['no power levels, which the join cites', (answer) => without(answer, 'm.room.power_levels')],
    ['members left out', (answer) => ({ ...answer, members_omitted: true })],
    ['more bytes than a state may have', (answer) => ({ ...answer, padding: 'x'.repeat(400_000) })],
    ['no JSON', () => '{"state":[{]'],
    ['a list that does not end', () => '{"state":['],
    ['the state of another room', () => new ResidentRoom(peer, '11').answerJoin()],
  ];
  for (const [what, change] of hostile) {
    test(`V26 F12 a join is not believed whose answer has ${what}`, async () => {
      const room = new ResidentRoom(peer, '11');
      room.serve();
      peer.answer('PUT', new RegExp(`/v2/send_join/${encode(room.roomId)}/`), () => {
        const answer = change(room.answerJoin(), room);
        return typeof answer === 'string' ? new PeerReply(200, answer) : answer;
      });
      assertError(await join(user, room.roomId, [peer.name]), 502, 'M_UNKNOWN');
      assert.equal((await user.sync()).join.has(room.roomId), false);
      assertError(await user.raw('GET', `/rooms/${encode(room.roomId)}/state`), 403, 'M_FORBIDDEN');
      // Nothing of it is in the way of a join that another time goes well.
      room.serve();
      assertJoined(await join(user, room.roomId, [peer.name]));
    });
  }

  const templates: readonly [string, (template: JsonObject, event: JsonObject) => JsonObject][] = [
    ['another room', (t, event) => ({ ...t, event: { ...event, room_id: `!other:${peer.name}` } })],
    ['another sender', (t, event) => ({ ...t, event: { ...event, sender: `@admin:${server.name}` } })],
    ['another state key', (t, event) => ({ ...t, event: { ...event, state_key: `@admin:${server.name}` } })],
    ['another type', (t, event) => ({ ...t, event: { ...event, type: 'm.room.power_levels' } })],
    ['another membership', (t, event) => ({ ...t, event: { ...event, content: { membership: 'ban' } } })],
    ['no predecessors', (t, event) => ({ ...t, event: { ...event, prev_events: [] } })],
    [
      'too many predecessors',
      (t, event) => ({ ...t, event: { ...event, prev_events: Array.from({ length: 21 }, () => '$a') } }),
    ],
  ];
  for (const [what, change] of templates) {
    test(`V25 a template with ${what} is not signed`, async () => {
      const room = new ResidentRoom(peer, '11');
      room.serve();
      peer.answer('GET', new RegExp(`/v1/make_join/${encode(room.roomId)}/`), () => {
        const template = room.template(user.userId, 'join');
        return change(template, objectIn(template['event']));
      });
      const sent = countAsked('/send_join/');
      assertError(await join(user, room.roomId, [peer.name]), 502, 'M_UNKNOWN');
      assert.equal(countAsked('/send_join/'), sent);
    });
  }

  test('V25 of a template nothing is signed but its place, whatever it holds besides', async () => {
    const room = new ResidentRoom(peer, '11');
    room.serve();
    peer.answer('GET', new RegExp(`/v1/make_join/${encode(room.roomId)}/`), () => {
      const template = room.template(user.userId, 'join', { displayname: 'Not me', evil: true });
      return {
        ...template,
        event: { ...objectIn(template['event']), redacts: '$x', extra: 1, origin_server_ts: 5 },
      };
    });
    assertJoined(await join(user, room.roomId, [peer.name]));
    const signed = room.events.at(-1);
    assert.ok(signed);
    assert.deepEqual(Object.keys(pduOf(signed)).toSorted(), [
      'auth_events',
      'content',
      'depth',
      'hashes',
      'origin_server_ts',
      'prev_events',
      'room_id',
      'sender',
      'signatures',
      'state_key',
      'type',
    ]);
    assert.deepEqual(signed.pdu.content, { membership: 'join' });
    assert.ok(signed.pdu.origin_server_ts > 1_000_000);
  });

  test('a restricted room is joined with the signature of the server that vouches for it, and not without', async () => {
    const room = new ResidentRoom(peer, '10', {
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: '!a:b' }],
    });
    room.serve();
    const voucher = { join_authorised_via_users_server: room.creator };
    peer.answer('GET', new RegExp(`/v1/make_join/${encode(room.roomId)}/`), () =>
      room.template(user.userId, 'join', voucher),
    );
    peer.answer('PUT', new RegExp(`/v2/send_join/${encode(room.roomId)}/`), (request) => {
      return { ...room.answerJoin(), event: pduOf(room.read(request)) };
    });
    assertError(await join(user, room.roomId, [peer.name]), 502, 'M_UNKNOWN');
    peer.answer('PUT', new RegExp(`/v2/send_join/${encode(room.roomId)}/`), (request) => {
      const event = room.read(request);
      return { ...room.answerJoin(), event: room.countersign(event) };
    });
    assertJoined(await join(user, room.roomId, [peer.name]));
    const own = await user.getState(room.roomId, 'm.room.member', user.userId);
    assert.equal(own['join_authorised_via_users_server'], room.creator);
  });

  test('who may not join by what is known here is told so, not that nobody else could be asked', async () => {
    const room = new ResidentRoom(peer, '10');
    room.serve();
    assertJoined(await join(user, room.roomId, [peer.name]));
    const second = await server.newUser('second');
    const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!a:b' }] };
    const changed = room.setState('m.room.join_rules', '', rules);
    const body = { origin: peer.name, origin_server_ts: Date.now(), pdus: [pduOf(changed)] };
    await peer.ask(server, 'PUT', '/_matrix/federation/v1/send/rules', body);
    const isRestricted = async (): Promise<boolean> =>
      (await user.getState(room.roomId, 'm.room.join_rules'))['join_rule'] === 'restricted';
    const deadline = Date.now() + 20_000;
    while (!(await isRestricted()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    room.refuse(500, 'M_UNKNOWN');
    const refused = await join(second, room.roomId, [peer.name]);
    assertError(refused, 400, 'M_UNABLE_TO_AUTHORISE_JOIN');
    assert.match(String(refused.body['error']), /is not known on this server/);
    assert.ok(peer.requests.at(-1)?.target.includes('/make_join/'), 'the peer was asked');
  });

  for (const errcode of ['M_UNABLE_TO_AUTHORISE_JOIN', 'M_UNABLE_TO_GRANT_JOIN']) {
    test(`${errcode} of one server makes us ask the next, and is told when there is none`, async () => {
      const room = new ResidentRoom(peer, '10');
      const path = `/_matrix/federation/v1/make_join/${encode(room.roomId)}/${encode(user.userId)}`;
      other.answer('GET', path, () => new PeerReply(400, { errcode, error: 'Ask others.' }));
      room.refuse(404, 'M_NOT_FOUND');
      assertError(await join(user, room.roomId, [other.name, peer.name]), 400, errcode);
      room.serve();
      assertJoined(await join(user, room.roomId, [other.name, peer.name]));
    });
  }
});

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

function assertJoined({ status, bodyText }: Answer): void {
  assert.equal(status, 200, bodyText);
}

function without(answer: JsonObject, type: string): JsonObject {
  const keep = (key: string): JsonObject[] => eventsIn(answer[key]).filter((event) => event['type'] !== type);
  return { ...answer, state: keep('state'), auth_chain: keep('auth_chain') };
}

/** Proves what becomes of the events that other servers send: judged one by one, committed before the answer, shown once. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { eventIdOf } from '#matrix/hashes.ts';
import { parseJsonExactly } from '#matrix/parse-json.ts';
import { eventIdsOf, type ExactJsonObject } from '#matrix/pdu.ts';
import { PeerRoom, sendTransaction, syncUntil } from '#test/federation/peer-room.ts';
import { startServerAndPeer, type ServerAndPeer } from '#test/federation/server-and-peer.ts';
import { type FederatedServer } from '#test/support/federated-servers.ts';
import { asObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { startPeer, type PeerAnswer } from '#test/support/peer.ts';

/** The id by which a sender knows a text that is no event. */
function claimedId(text: string, room: PeerRoom): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The tests write objects.
  const { unsigned: _unsigned, ...event } = parseJsonExactly(text) as ExactJsonObject;
  return eventIdOf(event, room.version);
}

/** By event id what became of the event. */
function resultsOf({ body }: PeerAnswer): JsonObject {
  return asObject(body['pdus'], 'the results');
}

/** The sentences of those that were refused. */
function errorsIn(answer: PeerAnswer): Record<string, string> {
  const refused = Object.entries(resultsOf(answer)).filter(([, result]) => !isEmpty(result));
  return Object.fromEntries(refused.map(([id, result]) => [id, text(asObject(result, id), 'error')]));
}

function isEmpty(value: unknown): boolean {
  return Object.keys(asObject(value, 'a result')).length === 0;
}

describe('events that another server sends', () => {
  let stage: ServerAndPeer;
  let server: ServerAndPeer['server'];
  let peer: ServerAndPeer['peer'];
  let alice: ServerAndPeer['alice'];
  before(async () => {
    stage = await startServerAndPeer();
    ({ server, peer, alice } = stage);
  });
  after(() => stage[Symbol.asyncDispose]());

  const historyOf = async (room: PeerRoom): Promise<string[]> =>
    (await alice.getHistory(room.roomId)).map((event) => event.event_id);
  /** Sends one more message and waits until it is told, so that what was sent before it has been judged. */
  const settle = async (room: PeerRoom): Promise<void> => {
    const last = room.say('the last one');
    assert.deepEqual(errorsIn(await room.send([last])), {});
    await syncUntil(alice, undefined, room.roomId, last.eventId);
  };

  test('a message and its redaction that come with one transaction leave nothing of the message', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const secret = room.say('a secret');
    const between = room.say('between them');
    const redaction = room.add({
      type: 'm.room.redaction',
      sender: peer.userId('bob'),
      content: { redacts: secret.eventId },
      ...(room.version.redactsInContent ? {} : { extra: { redacts: secret.eventId } }),
    });
    const last = room.say('the last');
    await room.send([secret, between, redaction, last]);
    await syncUntil(alice, undefined, room.roomId, last.eventId);
    const { body } = await alice.raw(
      'GET',
      `/rooms/${encodeURIComponent(room.roomId)}/event/${encodeURIComponent(secret.eventId)}`,
    );
    assert.deepEqual(body['content'], {});
  });

  test('a message reaches a waiting sync', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const { nextBatch: since } = await alice.sync();
    const waiting = alice.sync({ since, timeout: 30_000 });
    const message = room.say('hello');
    const answer = await room.send([message]);
    assert.deepEqual([answer.status, answer.body], [200, { pdus: { [message.eventId]: {} } }]);
    const told = (await waiting).join.get(room.roomId)?.timeline ?? [];
    assert.deepEqual(
      told.map((event) => event.event_id),
      [message.eventId],
    );
  });

  test('a whole transaction is taken in order, whatever the order in which its events stand', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const events = Array.from({ length: 50 }, (_, index) => room.say(`message ${index}`));
    const { nextBatch: since } = await alice.sync();
    assert.deepEqual(errorsIn(await room.send(events)), {});
    const { eventIds } = await syncUntil(alice, since, room.roomId, events.at(-1)?.eventId ?? '');
    assert.deepEqual(
      eventIds.slice(-10),
      events.slice(-10).map(({ eventId }) => eventId),
    );
    const history = await historyOf(room);
    assert.deepEqual(
      history.slice(-50),
      events.map(({ eventId }) => eventId),
    );
  });

  test('F2: more than 50 events, more than 100 EDUs and an endless transaction id are refused before anything is read', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const pdus = Array.from({ length: 51 }, () => room.build({ type: 'm.room.message', sender: peer.userId('bob') }));
    assert.equal((await room.send(pdus)).status, 400);
    const edus = Array.from({ length: 101 }, () => ({ edu_type: 'm.nothing', content: {} }));
    assert.equal((await room.send([], { edus })).status, 400);
    assert.equal((await room.send([], { txnId: 'x'.repeat(300) })).status, 400);
    assert.equal((await room.send([], { txnId: 'x\0' })).status, 400);
    assert.equal((await room.send([], { edus: edus.slice(1) })).status, 200);
  });

  test('F1: the origin in the body must be the server that has signed the request', async () => {
    const body = { origin: 'other.localhost', origin_server_ts: 1, pdus: [] };
    const answer = await peer.ask(server, 'PUT', '/_matrix/federation/v1/send/foreign', body);
    assert.deepEqual([answer.status, answer.body['errcode']], [401, 'M_UNAUTHORIZED']);
  });

  test('V02: of fifty events those that are none have an error of their own, and the others are shown', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const bob = peer.userId('bob');
    const spoilt = (find: RegExp, replacement: string): string => {
      const { json } = room.build({ type: 'm.room.message', sender: bob, content: { body: 'spoilt' } });
      assert.match(json, find);
      return json.replace(find, replacement);
    };
    const bad = [
      spoilt(/"depth":\d+/, '"depth":9007199254740992'),
      spoilt(/"depth":\d+/, '"depth":1.5'),
      spoilt(/"depth":\d+/, '"depth":"7"'),
      spoilt(/"origin_server_ts":\d+/, '"origin_server_ts":1e3'),
      spoilt(/^\{/, '{"unsigned":{"age":1.5},'),
      spoilt(/"body":"spoilt"/, '"body":9007199254740993'),
      spoilt(/"prev_events":\[[^\]]*\]/, `"prev_events":[${Array(21).fill('"$x"').join()}]`),
      spoilt(/"body":"spoilt"/, `"body":${'['.repeat(150)}${']'.repeat(150)}`),
      spoilt(/"type":"m.room.message"/, `"type":"${'x'.repeat(256)}"`),
      spoilt(/"body":"spoilt"/, `"body":"${'x'.repeat(66_000)}"`),
    ];
    const good = Array.from({ length: 40 }, (_, index) => room.say(`message ${index}`));
    const pdus = [...good.slice(0, 20), ...bad, ...good.slice(20)];
    const answer = await room.send(pdus);
    assert.equal(answer.status, 200, answer.bodyText);
    const errors = errorsIn(answer);
    assert.deepEqual(new Set(Object.keys(errors)), new Set(bad.map((text) => claimedId(text, room))));
    await syncUntil(alice, undefined, room.roomId, good.at(-1)?.eventId ?? '');
    assert.deepEqual(
      (await historyOf(room)).slice(-40),
      good.map(({ eventId }) => eventId),
    );
  });

  test('what is no object, names no room or another kind of room id is passed over', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const message = room.say('in between');
    const answer = await room.send(['null', '[]', '"$x"', '{}', '{"room_id":7}', message, '{"room_id":"\\u0000"}']);
    assert.equal(answer.status, 200);
    assert.deepEqual(resultsOf(answer)[message.eventId], {});
    await syncUntil(alice, undefined, room.roomId, message.eventId);
  });

  test('F3: a transaction has one effect and one answer, sent twice at once or again after a restart', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const bad = room
      .build({ type: 'm.room.message', sender: peer.userId('bob') })
      .json.replace(/"depth":\d+/, '"depth":0.5');
    const message = room.say('once');
    const typing = {
      edu_type: 'm.typing',
      content: { room_id: room.roomId, user_id: peer.userId('bob'), typing: true },
    };
    const transaction = { txnId: 'the same', pdus: [bad, message], edus: [typing] };
    const send = (): Promise<PeerAnswer> => sendTransaction(peer, server, transaction);
    const answers = await Promise.all([send(), send(), send()]);
    await server.stop();
    await server.start();
    answers.push(await send());
    // The same id with other events is the same transaction.
    answers.push(
      await sendTransaction(peer, server, {
        txnId: 'the same',
        pdus: [room.build({ type: 'x', sender: peer.userId('bob') })],
      }),
    );
    for (const answer of answers) assert.deepEqual([answer.status, answer.bodyText], [200, answers[0]?.bodyText]);
    await settle(room);
    assert.equal((await historyOf(room)).filter((id) => id === message.eventId).length, 1);
  });

  test('R12: the same event in many transactions, at once and one after the other, is shown once', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const events = [room.say('one'), room.say('two'), room.say('three')];
    const { nextBatch: since } = await alice.sync();
    await Promise.all([0, 1, 2, 3].map(() => room.send(events)));
    for (const event of events.toReversed()) assert.deepEqual(errorsIn(await room.send([event])), {});
    const last = room.say('the last one');
    await room.send([last]);
    const { eventIds } = await syncUntil(alice, since, room.roomId, last.eventId);
    assert.deepEqual(
      eventIds,
      [...events, last].map(({ eventId }) => eventId),
    );
    assert.equal(await countStaged(server), 0);
  });

  test('F5: of an event whose content is not what was hashed, the redacted copy is taken', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const message = room.say('what was said');
    const forged = message.json.replace('what was said', 'what was not said');
    assert.deepEqual(errorsIn(await room.send([forged])), {});
    await settle(room);
    const shown = (await alice.getHistory(room.roomId)).find((event) => event.event_id === message.eventId);
    assert.deepEqual(shown?.content, {});
  });

  test('V06: an event without the right signature has an error of its own', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const { json, eventId } = room.build({
      type: 'm.room.message',
      sender: peer.userId('bob'),
      content: { body: 'x' },
    });
    const stripped = json.replace(/"signatures":\{.*?\}\}/, '"signatures":{}');
    assert.notEqual(stripped, json);
    assert.deepEqual(Object.keys(errorsIn(await room.send([stripped]))), [eventId]);
    // Signed by the peer, which cannot speak for a user of the server.
    const forged = room.build({ type: 'm.room.message', sender: alice.userId, content: { body: 'I am alice' } });
    assert.deepEqual(Object.keys(errorsIn(await room.send([forged]))), [forged.eventId]);
    await settle(room);
    assert.ok(!(await historyOf(room)).includes(forged.eventId));
  });

  test('V40, V14: a server that is not in a room sends nothing into it, and learns nothing of it', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    await using stranger = await startPeer('stranger.localhost');
    const join = stranger.buildEvent(
      {
        ...JSON.parse(
          room.build({ type: 'm.room.member', sender: peer.userId('bob'), content: { membership: 'join' } }).json,
        ),
        sender: stranger.userId('eve'),
        state_key: stranger.userId('eve'),
      },
      room.version.id,
    );
    const answer = await sendTransaction(stranger, server, { txnId: 'in', pdus: [join] });
    assert.deepEqual(Object.keys(errorsIn(answer)), [join.eventId]);
    // Rooms that are left, or never were: the same words.
    const left = await PeerRoom.create(peer, server, alice);
    await alice.leave(left.roomId);
    const late = left.say('too late');
    const unknown = peer.buildEvent({ ...JSON.parse(late.json), room_id: `!${'u'.repeat(43)}` }, left.version.id);
    const errors = errorsIn(await room.send([late, unknown]));
    assert.deepEqual(new Set(Object.keys(errors)), new Set([late.eventId, unknown.eventId]));
    assert.equal(new Set(Object.values(errors)).size, 1);
    await settle(room);
    assert.ok(!(await historyOf(room)).includes(join.eventId));
  });

  test('V06: a server that the access list shuts out has an error for each event, and its EDUs are ignored', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const open = await PeerRoom.create(peer, server, alice);
    await alice.setState(room.roomId, 'm.room.server_acl', { allow: ['*'], deny: ['peer.localhost'] });
    await room.learn();
    const message = room.say('shut out');
    const sentinel = open.say('let in');
    const edu = (roomId: string) => ({ room_id: roomId, user_id: peer.userId('bob'), typing: true });
    const edus = [room.roomId, open.roomId].map((id) => ({ edu_type: 'm.typing', content: edu(id) }));
    const { nextBatch: since } = await alice.sync();
    const answer = await open.send([message, sentinel], { edus });
    assert.deepEqual(Object.keys(errorsIn(answer)), [message.eventId]);
    await syncUntil(alice, since, open.roomId, sentinel.eventId);
    const synced = await alice.sync();
    const typing = [room, open].map(({ roomId }) => JSON.stringify(synced.join.get(roomId)?.raw).includes('m.typing'));
    assert.deepEqual(typing, [false, true]);
    assert.ok(!(await historyOf(room)).includes(message.eventId));
  });

  test('F7, V13: what the rules forbid is taken without an error and never shown, and what follows it is', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const other = await PeerRoom.create(peer, server, alice);
    const bob = peer.userId('bob');
    const lawful = eventIdsOf(room.build({ type: 'm.room.message', sender: bob }).pdu.auth_events);
    const levels = { type: 'm.room.power_levels', sender: bob, stateKey: '', content: { users: { [bob]: 100 } } };
    const forbidden = room.add(levels);
    const foreign = [...other.state()].filter(([key]) => /power_levels|member/.test(key)).map(([, id]) => id);
    const before = await historyOf(room);
    const wrongRoom = room.say('by the rules of another room', { prevIds: [forbidden.eventId], authIds: foreign });
    const good = room.say('after all that', {
      prevIds: [wrongRoom.eventId],
      authIds: lawful,
    });
    assert.deepEqual(errorsIn(await room.send([forbidden, wrongRoom, good])), {});
    await syncUntil(alice, undefined, room.roomId, good.eventId);
    assert.deepEqual(await historyOf(room), [...before, good.eventId]);
    assert.notDeepEqual(await alice.getState(room.roomId, 'm.room.power_levels'), levels.content);
    // Sent again it is what it was.
    assert.deepEqual(errorsIn(await room.send([forbidden])), {});
    const own = await alice.sendText(room.roomId, 'mine');
    await room.learn();
    assert.deepEqual(eventIdsOf(room.events.get(own)?.pdu.prev_events ?? []), [good.eventId]);
  });

  test('F6: what a banned user sends as if before the ban is not shown, nor followed by events of ours', async () => {
    const room = await PeerRoom.create(peer, server, alice, { joined: ['bob', 'carol'] });
    const before = room.newest();
    await alice.raw('POST', `/rooms/${encodeURIComponent(room.roomId)}/ban`, { body: { user_id: peer.userId('bob') } });
    const late = room.say('I was here first', { prevIds: before });
    assert.deepEqual(errorsIn(await room.send([late])), {});
    const carols = room.build({
      type: 'm.room.message',
      sender: peer.userId('carol'),
      prevIds: before,
      content: { body: 'and I' },
    });
    await room.send([carols]);
    await syncUntil(alice, undefined, room.roomId, carols.eventId);
    assert.ok(!(await historyOf(room)).includes(late.eventId));
    const own = await alice.sendText(room.roomId, 'mine');
    await room.learn();
    assert.ok(!eventIdsOf(room.events.get(own)?.pdu.prev_events ?? []).includes(late.eventId));
  });
});

async function countStaged(server: FederatedServer): Promise<number> {
  const client = new Client(server.database.connection);
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>('select count(*)::integer as count from inbound_staging');
    return rows[0]?.count ?? -1;
  } finally {
    await client.end();
  }
}

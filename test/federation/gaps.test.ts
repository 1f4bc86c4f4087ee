/** Proves what is done for events that build on events which never came: fetched, checked, and never at others' expense. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventIdsOf, type JsonObject } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { missingPath } from '#test/federation/history-script.ts';
import { PeerRoom, syncUntil } from '#test/federation/peer-room.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startServerAndPeer, type ServerAndPeer } from '#test/federation/server-and-peer.ts';
import { type FederatedServer } from '#test/support/federated-servers.ts';
import { asObject } from '#test/support/matrix-shapes.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';

const encode = encodeURIComponent;
const refusal = new PeerReply(404, { errcode: 'M_NOT_FOUND', error: 'The script does not tell.' });

describe('events that build on events which never came', () => {
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
  const tellMissing = (room: PeerRoom, told: () => readonly ValidatedPdu[]): void =>
    peer.answer('POST', missingPath(room), () => ({ events: told().map(({ pdu }) => asJson(pdu)) }));
  const askedOf = (of: Peer, part: string, room: PeerRoom): JsonObject[] =>
    of.requests
      .filter(({ target }) => target.includes(part) && target.includes(encode(room.roomId)))
      .map(({ body }) => asJson(asObject(body ?? {}, 'a body')));
  const isAsked = async (of: Peer, part: string, room: PeerRoom, count = 1): Promise<void> =>
    until(`${part} is asked ${count} times`, () => askedOf(of, part, room).length >= count);
  /** A message on an old event, by which it shows that the room goes on. */
  const goesOn = async (room: PeerRoom, prevIds: readonly string[]): Promise<void> => {
    const sentinel = room.build({
      type: 'm.room.message',
      sender: peer.userId('bob'),
      content: { body: 'it goes on' },
      prevIds,
    });
    await room.send([sentinel]);
    await syncUntil(alice, undefined, room.roomId, sentinel.eventId);
  };

  test('what is missing between is asked for and shown, in order, and no state is asked for', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const shared = room.newest();
    const missing = Array.from({ length: 5 }, (_, index) => room.say(`missing ${index}`));
    const newest = room.say('the newest');
    tellMissing(room, () => missing);
    const { nextBatch: since } = await alice.sync();
    await room.send([newest]);
    const { eventIds } = await syncUntil(alice, since, room.roomId, newest.eventId);
    assert.deepEqual(
      eventIds,
      [...missing, newest].map(({ eventId }) => eventId),
    );
    const [asked] = askedOf(peer, '/get_missing_events/', room);
    assert.deepEqual([asked?.['earliest_events'], asked?.['latest_events']], [shared, [newest.eventId]]);
    assert.deepEqual([...askedOf(peer, '/state_ids/', room), ...askedOf(peer, '/state/', room)], []);
  });

  test('V07: what another server tells is believed as little as what it sends', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const shared = room.newest();
    const forged = room.say('I am alice', { sender: alice.userId });
    const newest = room.say('the newest');
    tellMissing(room, () => [forged]);
    await room.send([newest]);
    await isAsked(peer, '/get_missing_events/', room);
    await goesOn(room, shared);
    const history = await historyOf(room);
    assert.ok(!history.includes(forged.eventId) && !history.includes(newest.eventId));
  });

  test('a gap that does not close is bridged by the state before it, and keeps what that does not contradict', async () => {
    const room = await PeerRoom.create(peer, server, alice, { joined: ['bob', 'carol'] });
    const shared = room.newest();
    await alice.setState(room.roomId, 'm.room.topic', { topic: 'of this side' });
    const lost = room.say('lost for ever');
    const carol = peer.userId('carol');
    const renamed = room.add({
      type: 'm.room.member',
      sender: carol,
      stateKey: carol,
      content: { membership: 'join', displayname: 'Carol' },
    });
    const edge = room.say('told as the last one');
    const between = room.say('told');
    const newest = room.say('the newest');
    const state = new Map(room.state());
    tellMissing(room, () => [between]);
    tellEvents(peer, [edge, renamed]);
    const ids = [...state.values()];
    peer.answer('GET', `/_matrix/federation/v1/state_ids/${encode(room.roomId)}`, () => ({
      pdu_ids: ids,
      auth_chain_ids: ids,
    }));
    const { nextBatch: since } = await alice.sync();
    await room.send([newest]);
    const { eventIds } = await syncUntil(alice, since, room.roomId, newest.eventId);
    assert.deepEqual(
      eventIds.slice(-3),
      [edge, between, newest].map(({ eventId }) => eventId),
    );
    assert.ok(!eventIds.includes(lost.eventId));
    const member = (await alice.getMembers(room.roomId)).find((event) => event.state_key === carol);
    assert.equal(member?.content['displayname'], 'Carol');
    // V17: the told state has no topic, which does not take this side's away.
    assert.deepEqual(await alice.getState(room.roomId, 'm.room.topic'), { topic: 'of this side' });
    const asked = peer.requests.filter(({ target }) => target.includes(`/state_ids/${encode(room.roomId)}`));
    assert.deepEqual(
      asked.map(({ target }) => target.endsWith(`event_id=${encode(edge.eventId)}`)),
      [true],
    );
    assert.deepEqual(await gapsOf(server, room.roomId), [renamed.eventId]);
    // Ours follow both sides.
    const own = await alice.sendText(room.roomId, 'mine');
    await room.learn();
    assert.ok(eventIdsOf(room.events.get(own)?.pdu.prev_events ?? []).includes(newest.eventId));
    assert.notDeepEqual(room.newest(), shared);
  });

  test('what is shown behind a gap begins a timeline of its own, also when the gap is filled by then', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const { nextBatch: since } = await alice.sync();
    const hello = await alice.sendText(room.roomId, 'before the gap');
    await room.learn();
    const state = [...room.state().values()];
    const lost = room.say('lost');
    const [edge, newest] = [room.say('told as the last one'), room.say('the newest')];
    tellMissing(room, () => []);
    tellEvents(peer, [edge]);
    peer.answer('GET', `/_matrix/federation/v1/state_ids/${encode(room.roomId)}`, () => ({
      pdu_ids: state,
      auth_chain_ids: state,
    }));
    tellMissing(room, () => [edge]);
    await room.send([newest]);
    await syncUntil(alice, undefined, room.roomId, newest.eventId);
    // In the order of arrival, whether the client was there all the time or not.
    const expected = [edge, newest].map(({ eventId }) => eventId);
    const check = async (from: string | undefined): Promise<void> => {
      const told = (await alice.sync({ since: from })).join.get(room.roomId);
      assert.deepEqual(
        told?.timeline.map((event) => event.event_id),
        expected,
      );
      assert.equal(told?.limited, true);
      const page = await alice.getMessages(room.roomId, { dir: 'b', from: told?.prevBatch ?? '', limit: 2 });
      assert.deepEqual(
        page.chunk.map((event) => event.event_id),
        [lost.eventId, hello],
      );
    };
    peer.answer('GET', `/_matrix/federation/v1/backfill/${encode(room.roomId)}`, () => ({
      origin: peer.name,
      origin_server_ts: 1,
      pdus: [asJson(lost.pdu)],
    }));
    await check(since);
    await check(undefined);
    // A client that does not want what is behind the gap is told of it: what is missing it may want.
    const filter = { room: { timeline: { types: ['m.room.topic'] } } };
    const filtered = (await alice.sync({ since, filter })).join.get(room.roomId);
    assert.deepEqual([filtered?.timeline, filtered?.limited], [[], true]);
  });

  test('R13: a state that nobody tells fails neither the transaction nor other rooms, and the event comes in when it can', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const other = await PeerRoom.create(peer, server, alice);
    const shared = room.newest();
    const lost = room.say('lost');
    const between = room.say('between');
    const newest = room.say('the newest');
    tellMissing(room, () => [between]);
    peer.answer('GET', `/_matrix/federation/v1/state_ids/${encode(room.roomId)}`, () => refusal);
    const message = other.say('another room');
    const { nextBatch: since } = await alice.sync();
    const answer = await room.send([newest, message]);
    assert.deepEqual(answer.body, { pdus: { [newest.eventId]: {}, [message.eventId]: {} } });
    await syncUntil(alice, since, other.roomId, message.eventId);
    await isAsked(peer, '/state_ids/', room);
    await goesOn(room, shared);
    assert.ok(!(await historyOf(room)).includes(newest.eventId));
    // What it lacked comes, and it is sent again.
    await room.send([lost, between, newest]);
    await syncUntil(alice, undefined, room.roomId, newest.eventId);
    assert.equal((await historyOf(room)).filter((id) => id === newest.eventId).length, 1);
  });

  test('what the sender does not tell is asked of others in the room', async () => {
    await using third = await startPeer('third.localhost');
    const room = await PeerRoom.create(peer, server, alice);
    const dave = third.userId('dave');
    const join = room.build({ type: 'm.room.member', sender: dave, stateKey: dave, content: { membership: 'join' } });
    const signed = third.buildEvent(unsigned(join), room.version.id);
    assert.deepEqual(await room.persistHere(signed), ['accepted']);
    await syncUntil(alice, undefined, room.roomId, signed.eventId);
    await room.learn();
    const missing = room.say('told by the third');
    const newest = room.say('the newest');
    peer.answer('POST', missingPath(room), () => refusal);
    third.answer('POST', missingPath(room), () => ({ events: [asJson(missing.pdu)] }));
    await room.send([newest]);
    await syncUntil(alice, undefined, room.roomId, newest.eventId);
    assert.deepEqual((await historyOf(room)).slice(-2), [missing.eventId, newest.eventId]);
  });

  test('V16: an event that cites a rejected one is rejected, whether it comes as an auth event or for itself', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const bob = peer.userId('bob');
    const lawful = eventIdsOf(room.build({ type: 'm.room.message', sender: bob }).pdu.auth_events);
    const prevIds = room.newest();
    const rejected = room.build({ type: 'm.room.power_levels', sender: bob, stateKey: '', content: { users: {} } });
    await room.send([rejected]);
    const member = { type: 'm.room.member', sender: bob, stateKey: bob, content: { membership: 'join', test: 1 } };
    const withRejected = lawful.map((id) => (isOfType(room, id, 'm.room.power_levels') ? rejected.eventId : id));
    const outlier = room.build({ ...member, prevIds, authIds: withRejected });
    const message = { type: 'm.room.message', sender: bob, content: { body: 'x' }, prevIds };
    const first = room.build({ ...message, authIds: [...lawful, outlier.eventId] });
    const second = room.build({ ...message, authIds: [...lawful, outlier.eventId], content: { body: 'y' } });
    const known = lawful.map((id) => room.events.get(id)?.pdu).filter((pdu) => pdu !== undefined);
    const authPath = (event: ValidatedPdu): string =>
      `/_matrix/federation/v1/event_auth/${encode(room.roomId)}/${encode(event.eventId)}`;
    peer.answer('GET', authPath(first), () => ({ auth_chain: [...known, outlier.pdu].map(asJson) }));
    peer.answer('GET', authPath(second), () => refusal);
    const last = room.build({ ...message, prevIds: [second.eventId], authIds: lawful, content: { body: 'z' } });
    await room.send([first, second, last]);
    await syncUntil(alice, undefined, room.roomId, last.eventId);
    for (const { eventId } of [rejected, outlier, first, second]) {
      const answer = await alice.raw('GET', `/rooms/${encode(room.roomId)}/event/${encode(eventId)}`);
      assert.equal(answer.status, 404, eventId);
    }
    // Offered as state it is still rejected.
    const newer = room.add({ ...message, prevIds: [last.eventId, `$${'n'.repeat(43)}`], authIds: lawful });
    tellMissing(room, () => []);
    const ids = [...room.state().values(), rejected.eventId, outlier.eventId];
    peer.answer('GET', `/_matrix/federation/v1/state_ids/${encode(room.roomId)}`, () => ({
      pdu_ids: ids,
      auth_chain_ids: ids,
    }));
    const levels = await alice.getState(room.roomId, 'm.room.power_levels');
    const newest = room.say('the newest', { prevIds: [newer.eventId], authIds: lawful });
    tellMissing(room, () => [newer]);
    await room.send([newest]);
    await syncUntil(alice, undefined, room.roomId, newest.eventId);
    assert.deepEqual(await alice.getState(room.roomId, 'm.room.power_levels'), levels);
  });

  test('R16: events that come by several ways at once are there once, and nothing else ends the room', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const missing = Array.from({ length: 6 }, (_, index) => room.say(`by many ways ${index}`));
    const newest = room.say('the newest');
    tellMissing(room, () => missing);
    const { nextBatch: since } = await alice.sync();
    await Promise.all(
      [[newest], missing, [newest], [...missing, newest], missing.slice(3)].map((some) => room.send(some)),
    );
    const { eventIds } = await syncUntil(alice, since, room.roomId, newest.eventId);
    assert.deepEqual(
      eventIds,
      [...missing, newest].map(({ eventId }) => eventId),
    );
    const own = await alice.sendText(room.roomId, 'mine');
    await room.learn();
    assert.deepEqual(eventIdsOf(room.events.get(own)?.pdu.prev_events ?? []), [newest.eventId]);
  });

  test('F8: a storm of events that lack others costs one request at a time in its room, and does not hold up a send', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    let running = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    peer.answer('POST', missingPath(room), async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
      return { events: [] };
    });
    const message = { type: 'm.room.message', sender: peer.userId('bob') };
    const stray = (index: number): ValidatedPdu =>
      room.build({ ...message, content: { index }, prevIds: [`$${String(index).padStart(43, 'n')}`] });
    for (let sent = 0; sent < 200; sent += 50) {
      await room.send(Array.from({ length: 50 }, (_, index) => stray(sent + index)));
    }
    const own = await alice.sendText(room.roomId, 'meanwhile');
    const good = room.build({ ...message, content: { body: 'good' } });
    await room.send([good]);
    await syncUntil(alice, undefined, room.roomId, good.eventId);
    assert.ok((await historyOf(room)).includes(own));
    await isAsked(peer, '/get_missing_events/', room);
    gate.resolve();
    await isAsked(peer, '/get_missing_events/', room, 5);
    assert.equal(most, 1);
  });
});

/** What stands in a transaction, or in an answer. */
function asJson(pdu: object): JsonObject {
  const value: JsonObject = JSON.parse(JSON.stringify(pdu));
  return value;
}

function unsigned({ pdu }: ValidatedPdu): JsonObject {
  const { hashes: _hashes, signatures: _signatures, ...rest } = asJson(pdu);
  return rest;
}

function isOfType(room: PeerRoom, eventId: string, type: string): boolean {
  return room.events.get(eventId)?.pdu.type === type;
}

function tellEvents(peer: Peer, events: readonly ValidatedPdu[]): void {
  for (const { eventId, pdu } of events) {
    peer.answer('GET', `/_matrix/federation/v1/event/${encode(eventId)}`, () => ({
      origin: peer.name,
      origin_server_ts: 1,
      pdus: [asJson(pdu)],
    }));
  }
}

async function gapsOf(server: FederatedServer, roomId: string): Promise<string[]> {
  const rows = await askDatabase(
    server,
    `select event_id from gaps g join rooms r using (room_nid) join events e on e.event_nid = g.missing_nid
     where r.room_id = $1`,
    [roomId],
  );
  return rows.map((row) => String(row['event_id']));
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`It did not come to pass that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Proves that our users read history which other servers have: whole, in order, and only what belongs there. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { tellHistory } from '#test/federation/history-script.ts';
import { PeerRoom, syncUntil } from '#test/federation/peer-room.ts';
import { askDatabase, untilWorkedThrough } from '#test/federation/shared-rooms.ts';
import { startServerAndPeer, type ServerAndPeer } from '#test/federation/server-and-peer.ts';

describe('history that other servers have', () => {
  let stage: ServerAndPeer;
  let server: ServerAndPeer['server'];
  let peer: ServerAndPeer['peer'];
  let alice: ServerAndPeer['alice'];
  before(async () => {
    stage = await startServerAndPeer();
    ({ server, peer, alice } = stage);
  });
  after(() => stage[Symbol.asyncDispose]());

  const countAsked = (kind: string): number =>
    peer.requests.filter(({ target }) => target.startsWith(`/_matrix/federation/v1/${kind}/`)).length;

  /** Each transaction that writes events of a room gives it a head. */
  const countWrites = async (roomId: string): Promise<number> => {
    const sql = 'select max(room_seq) as heads from room_heads join rooms using (room_nid) where room_id = $1';
    return Number((await askDatabase(server, sql, [roomId]))[0]?.['heads']);
  };

  /** All pages backwards, newest first. */
  const readBack = async (roomId: string, limit: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let from: string | undefined; ;) {
      const page = await alice.getMessages(roomId, { dir: 'b', limit, ...(from !== undefined && { from }) });
      ids.push(...page.chunk.map((event) => event.event_id));
      if (page.end === undefined || page.end === from) return ids;
      from = page.end;
    }
  };

  test('500 messages from before the join are read in pages, each once and in their order', async () => {
    const room = await PeerRoom.remote(peer, server);
    for (let at = 0; at < 500; at++) room.say(`message ${at}`);
    await room.enter(alice.userId);
    tellHistory(room);
    const { nextBatch } = await alice.sync();
    const expected = [...room.events.keys()].toReversed();
    const writesBefore = await countWrites(room.roomId);
    assert.deepEqual(await readBack(room.roomId, 100), expected);
    const pages = countAsked('backfill');
    assert.ok(pages >= 5 && pages <= 7, `${pages} pages were asked for`);
    const writes = (await countWrites(room.roomId)) - writesBefore;
    assert.ok(writes <= 10 * pages, `${writes} transactions for ${pages} pages of a hundred events`);
    assert.deepEqual(await readBack(room.roomId, 70), expected, 'and again, from what is here now');
    assert.equal(countAsked('backfill'), pages);

    const later = await alice.sync({ since: nextBatch, timeout: 0 });
    assert.deepEqual([later.join.size, later.leave.size], [0, 0], 'a sync tells nothing of it');
    const fresh = JSON.stringify((await alice.sync()).raw);
    assert.match(fresh, /"notification_count":0/);
  });

  test('a page with state, redactions and a branch in it reads as it was', async () => {
    const room = await PeerRoom.remote(peer, server);
    const sender = peer.userId('bob');
    const topics: string[] = [];
    for (let at = 0; at < 4; at++) {
      const topic = room.add({ type: 'm.room.topic', sender, stateKey: '', content: { topic: `topic ${at}` } });
      topics.push(topic.eventId);
      for (const part of ['one', 'two', 'three']) room.say(`${part} of topic ${at}`);
    }
    const secret = room.say('a secret');
    room.say('after it');
    room.add({ type: 'm.room.redaction', sender, content: { redacts: secret.eventId } });
    const fork = room.newest();
    const sides = [room.say('on one side', { prevIds: fork }), room.say('on the other', { prevIds: fork })];
    const merge = room.say('on both', { prevIds: sides.map(({ eventId }) => eventId) });
    room.say('and on');
    await room.enter(alice.userId);
    tellHistory(room);
    assert.deepEqual(new Set(await readBack(room.roomId, 50)), new Set(room.events.keys()));
    const path = `/rooms/${encodeURIComponent(room.roomId)}`;
    const { body } = await alice.raw('GET', `${path}/event/${encodeURIComponent(secret.eventId)}`);
    assert.deepEqual(body['content'], {});
    // The state at a message is that before it.
    const history = (await alice.getHistory(room.roomId, { dir: 'b' })).map((event) => event.event_id);
    assert.ok(sides.every(({ eventId }) => history.indexOf(eventId) < history.indexOf(merge.eventId)));
    for (const [at, topic] of topics.entries()) {
      const after = history[history.indexOf(topic) + 2] ?? '';
      const context = await alice.raw('GET', `${path}/context/${encodeURIComponent(after)}?limit=0`);
      assert.match(context.bodyText, new RegExp(`"topic ${at}"`));
    }
  });

  test('V15 what belongs elsewhere, is forged or hangs on nothing does not come in with a page', async () => {
    const room = await PeerRoom.remote(peer, server);
    const other = await PeerRoom.remote(peer, server);
    const foreign = other.say('of another room');
    for (let at = 0; at < 10; at++) room.say(`honest ${at}`);
    await room.enter(alice.userId);
    const loose = room.build({
      type: 'm.room.message',
      sender: peer.userId('bob'),
      content: { msgtype: 'm.text', body: 'loose' },
    });
    const text = (pdu: { json: string }): JsonObject => JSON.parse(pdu.json);
    tellHistory(room, {
      backfill: (pdus) => {
        const forged = pdus.slice(0, 3).map((pdu) => ({ ...pdu, content: { msgtype: 'm.text', body: 'forged' } }));
        const unsigned = pdus.slice(0, 2).map((pdu) => ({ ...pdu, signatures: {} }));
        return [text(foreign), text(loose), ...unsigned, ...pdus, ...forged, ...pdus.toReversed()];
      },
    });
    const { chunk } = await alice.getMessages(room.roomId, { dir: 'b', limit: 50 });
    assert.deepEqual(
      chunk.map((event) => event.event_id),
      [...room.events.keys()].toReversed(),
    );
    assert.ok(!JSON.stringify(chunk).includes('forged'));
  });

  test('a server that gives nothing, or the same again, is not asked without end', async () => {
    const room = await PeerRoom.remote(peer, server);
    for (let at = 0; at < 5; at++) room.say(`kept ${at}`);
    await room.enter(alice.userId);
    tellHistory(room, { backfill: (pdus) => pdus.slice(1) });
    const asked = countAsked('backfill');
    const page = await alice.getMessages(room.roomId, { dir: 'b', limit: 50 });
    assert.equal(page.chunk.length, 1, 'the join is what is here');
    assert.ok(page.end !== undefined, 'it can be tried again');
    const again = await alice.getMessages(room.roomId, { dir: 'b', limit: 50, from: page.end });
    assert.deepEqual([again.chunk, again.end], [[], page.end]);
    assert.equal(countAsked('backfill'), asked + 1, 'a failed attempt is not made again at once');
  });

  for (const [what, sentAgain] of [
    ['what the join follows, an invite perhaps', (ids: readonly string[]) => ids.at(-2)],
    ['the create event', (ids: readonly string[]) => ids[0]],
  ] as const) {
    test(`${what}, sent once more after the join, is history: the state stays, and nobody is told news`, async () => {
      const room = await PeerRoom.remote(peer, server);
      for (let at = 0; at < 3; at++) room.say(`before ${at}`);
      await room.enter(alice.userId);
      tellHistory(room);
      const ids = [...room.events.keys()];
      const again = room.events.get(sentAgain(ids) ?? '');
      assert.ok(again);
      const told = [...room.events.values()].map(({ json }): JsonObject => JSON.parse(json));
      const missing = encodeURIComponent(room.roomId);
      peer.answer('POST', `/_matrix/federation/v1/get_missing_events/${missing}`, () => ({ events: told }));
      const state = (await alice.getFullState(room.roomId)).map((event) => event.event_id).toSorted();
      const { nextBatch: since } = await alice.sync();
      await room.send([again.json]);
      await untilWorkedThrough(server, room.roomId);
      assert.deepEqual((await alice.getFullState(room.roomId)).map((event) => event.event_id).toSorted(), state);
      const sentinel = room.say('news');
      await room.send([sentinel]);
      assert.deepEqual((await syncUntil(alice, since, room.roomId, sentinel.eventId)).eventIds, [sentinel.eventId]);
      assert.deepEqual(await readBack(room.roomId, 50), [...room.events.keys()].toReversed());
    });
  }

  test('a page does not go on below history that is still on its way', async () => {
    const room = await PeerRoom.remote(peer, server);
    room.say('from the first stay');
    await room.enter(alice.userId);
    tellHistory(room);
    await readBack(room.roomId, 50);
    for (let at = 0; at < 5; at++) room.say(`missed ${at}`);
    // As if the server had been away: what follows is taken by the state that the peer tells.
    const { promise: isTold, resolve: tell } = Promise.withResolvers<void>();
    await room.takeWithState(room.say('after the gap'));
    tellHistory(room, {}, isTold);
    const cut = await alice.getMessages(room.roomId, { dir: 'b', limit: 50 });
    assert.equal(cut.chunk.length, 1, 'only what is above the gap');
    tell();
    const rest = await alice.getMessages(room.roomId, { dir: 'b', limit: 50, from: cut.end ?? '' });
    const told = [...cut.chunk, ...rest.chunk].map((event) => event.event_id);
    assert.deepEqual(told, [...room.events.keys()].toReversed());
  });

  test('history that only members were to see stays hidden from who joined later', async () => {
    const room = await PeerRoom.remote(peer, server);
    room.say('shared');
    const visibility = { type: 'm.room.history_visibility', sender: peer.userId('bob'), stateKey: '' };
    room.add({ ...visibility, content: { history_visibility: 'joined' } });
    room.say('hidden');
    await room.enter(alice.userId);
    tellHistory(room);
    const { chunk } = await alice.getMessages(room.roomId, { dir: 'b', limit: 50 });
    const told = JSON.stringify(chunk);
    assert.ok(told.includes('shared') && !told.includes('"hidden"'), told);
  });
});

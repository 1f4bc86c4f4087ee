/** Proves what is believed that other servers say beside the events of shared rooms, and of invites that are taken back. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { persistOutOfBand } from '#rooms/persist-out-of-band.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { PeerRoom, sendTransaction, syncUntil } from '#test/federation/peer-room.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject } from '#test/support/matrix-shapes.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';
import { createRoomParts } from '#test/support/room-parts.ts';

describe('what another server says beside events', () => {
  let server: FederatedServer;
  let peer: Peer;
  let alice: MatrixHttp;
  before(async () => {
    server = await startFederatedServer('hs1.localhost', { CAUSEWAY_PRESENCE_ENABLED: 'true' });
    peer = await startPeer();
    alice = await server.newUser('alice');
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  /** The content of the events of one type that a room shows beside its timeline, to somebody who comes anew. */
  const shownIn = async (room: PeerRoom, type: string): Promise<unknown[]> => {
    const raw = asObject((await alice.sync()).join.get(room.roomId)?.raw['ephemeral'] ?? { events: [] }, 'ephemeral');
    const events = Array.isArray(raw['events']) ? raw['events'] : [];
    return events
      .map((event) => asObject(event, 'event'))
      .filter((event) => event['type'] === type)
      .map((e) => e['content']);
  };

  test('F13: typing is believed of joined users of the server, and ends', async () => {
    const room = await PeerRoom.create(peer, server, alice, { joined: ['bob', 'carol'] });
    const typing = (userId: string, isTyping: JsonValue, roomId: JsonValue = room.roomId): JsonObject => ({
      edu_type: 'm.typing',
      content: { room_id: roomId, user_id: userId, typing: isTyping },
    });
    const bob = peer.userId('bob');
    const edus = [
      typing(bob, true),
      typing(peer.userId('stranger'), true),
      typing(alice.userId, true),
      typing(peer.userId('carol'), 'yes'),
      typing(bob, true, 7),
      typing(bob, true, '!unknown:hs1.localhost'),
      { edu_type: 'm.typing', content: 7 },
      { edu_type: 'constructor', content: {} },
      { edu_type: 'm.unknown', content: {} },
    ];
    assert.equal((await room.send([], { edus })).status, 200);
    assert.deepEqual(await shownIn(room, 'm.typing'), [{ user_ids: [bob] }]);
    await room.send([], { edus: [typing(bob, false)] });
    assert.deepEqual(await shownIn(room, 'm.typing'), []);
  });

  test('F13, V32: receipts are believed of joined users of the server, also before their event', async () => {
    const room = await PeerRoom.create(peer, server, alice, { joined: ['bob', 'carol'] });
    const [bob, carol] = [peer.userId('bob'), peer.userId('carol')];
    const [first, second] = [room.say('one'), room.say('two')];
    const read = (eventId: JsonValue, more: JsonObject = {}): JsonObject => ({
      event_ids: [eventId],
      data: { ts: 5, ...more },
    });
    const receipts = (byUser: JsonObject, roomId = room.roomId): JsonObject => ({
      edu_type: 'm.receipt',
      content: { [roomId]: { 'm.read': byUser, 'm.read.private': byUser } },
    });
    const edus = [
      receipts({
        [bob]: read(second.eventId),
        [carol]: read(first.eventId, { thread_id: 'main' }),
        [alice.userId]: read(first.eventId),
        [peer.userId('stranger')]: read(first.eventId),
      }),
      receipts({ [carol]: { event_ids: [first.eventId, second.eventId], data: { ts: 1 } } }),
      receipts({ [carol]: read(7) }),
      receipts({ [carol]: read(second.eventId, { thread_id: 7 }) }),
      receipts({ [carol]: 'x' }),
      receipts({ [bob]: read(first.eventId) }, '!unknown:hs1.localhost'),
    ];
    assert.equal((await room.send([], { edus })).status, 200);
    await room.send([first, second]);
    await syncUntil(alice, undefined, room.roomId, second.eventId);
    const shown = Object.assign(
      {},
      ...(await shownIn(room, 'm.receipt')).map((content) => asObject(content, 'content')),
    );
    assert.deepEqual(shown, {
      [second.eventId]: { 'm.read': { [bob]: { ts: 5 } } },
      [first.eventId]: { 'm.read': { [carol]: { ts: 5, thread_id: 'main' } } },
    });
  });

  test("F13: presence is believed of the server's own users who share a room with somebody here, and told to those", async () => {
    const room = await PeerRoom.create(peer, server, alice, { joined: ['bob', 'carol'] });
    const dora = await server.newUser('dora');
    const bob = peer.userId('bob');
    const push = (userId: string, presence: JsonValue, more: JsonObject = {}): JsonObject => ({
      user_id: userId,
      presence,
      last_active_ago: 1_000,
      ...more,
    });
    const edu = (...entries: JsonValue[]): JsonObject => ({ edu_type: 'm.presence', content: { push: entries } });
    const { nextBatch: since } = await alice.sync();
    const waiting = alice.sync({ since, timeout: 10_000 });
    const edus = [
      edu(push(bob, 'online', { status_msg: 'here', currently_active: true })),
      edu(
        push(peer.userId('stranger'), 'online'),
        push(alice.userId, 'unavailable', { status_msg: 'not me' }),
        push(peer.userId('carol'), 'elsewhere'),
        push(peer.userId('carol'), 'online', { last_active_ago: -1 }),
        'x',
      ),
      { edu_type: 'm.presence', content: { push: {} } },
    ];
    assert.equal((await room.send([], { edus })).status, 200);
    const told = asObject((await waiting).raw['presence'] ?? {}, 'presence')['events'];
    assert.ok(Array.isArray(told));
    const [own, ...others] = told
      .map((event) => asObject(event, 'event'))
      .filter((event) => event['sender'] !== alice.userId);
    assert.deepEqual([own?.['sender'], others], [bob, []]);
    const content = asObject(own?.['content'], 'content');
    assert.deepEqual([content['presence'], content['status_msg']], ['online', 'here']);
    const status = (user: MatrixHttp, of: string) => user.raw('GET', `/presence/${encodeURIComponent(of)}/status`);
    assert.equal((await status(alice, bob)).body['presence'], 'online');
    assert.notEqual((await status(alice, alice.userId)).body['status_msg'], 'not me');
    assert.equal((await status(dora, bob)).status, 403);
    // Who comes anew hears of it, too.
    const fresh = asObject((await alice.sync()).raw['presence'] ?? {}, 'presence')['events'];
    assert.ok(JSON.stringify(fresh).includes(bob));
  });

  describe('of rooms in which nobody here is', () => {
    let bert: MatrixHttp;
    let count = 0;
    before(async () => {
      bert = await registerUser(server.baseUrl, 'bert');
    });
    const member = (
      sender: string,
      membership: string,
      roomId: string,
      authIds: readonly string[] = [],
    ): ValidatedPdu =>
      peer.buildEvent({
        type: 'm.room.member',
        sender,
        state_key: bert.userId,
        content: { membership },
        room_id: roomId,
        depth: 10,
        origin_server_ts: Date.now(),
        prev_events: [`$${'p'.repeat(43)}`],
        auth_events: [`$${'a'.repeat(43)}`, ...authIds],
      });
    /** As the endpoint for invites and our own knocks keep them. */
    const keep = async (event: ValidatedPdu): Promise<void> => {
      await using parts = await createRoomParts(server.database);
      const streams = { committed: (): void => undefined };
      assert.equal(await persistOutOfBand({ ...parts, clock: systemClock, streams }, { event, shown: [] }), 'written');
    };
    const send = (event: ValidatedPdu) => sendTransaction(peer, server, { txnId: `m${++count}`, pdus: [event] });
    const isRefused = async (event: ValidatedPdu): Promise<boolean> => (await send(event)).bodyText.includes('"error"');

    test('an invite ends when it is taken back by who gave it, and by nobody else', async () => {
      const [bob, carol] = [peer.userId('bob'), peer.userId('carol')];
      const roomId = `!invited:${peer.name}`;
      const invite = member(bob, 'invite', roomId);
      await keep(invite);
      const { nextBatch: since } = await bert.sync();
      assert.ok(await isRefused(member(carol, 'leave', roomId)));
      assert.ok(await isRefused(member(bob, 'join', roomId)));
      assert.ok(await isRefused(member(bob, 'leave', `!other:${peer.name}`)));
      assert.ok((await bert.sync()).invite.has(roomId));
      const kick = member(bob, 'leave', roomId);
      assert.ok(!(await isRefused(kick)));
      assert.ok((await bert.sync({ since, timeout: 10_000 })).leave.has(roomId));
      assert.ok(!(await bert.sync()).invite.has(roomId));
      // Once it has ended there is nothing to end.
      assert.ok(await isRefused(member(bob, 'ban', roomId)));
    });

    test('a knock ends by an event that knows it', async () => {
      const roomId = `!knocked:${peer.name}`;
      const own = peer.buildEvent({ ...JSON.parse(member(bert.userId, 'knock', roomId).json) });
      await keep(own);
      assert.ok(await isRefused(member(peer.userId('bob'), 'leave', roomId)));
      assert.ok(!(await isRefused(member(peer.userId('bob'), 'leave', roomId, [own.eventId]))));
      assert.ok((await bert.sync({ filter: { room: { include_leave: true } } })).leave.has(roomId));
    });
  });
});

/** Proves what is believed of servers that are said to be in a room of which not all members are known; the saying is written directly. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { sendTransaction } from '#test/federation/peer-room.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';

const lazy = { room: { state: { lazy_load_members: true } } };

describe('a server that is said to be in a room', () => {
  let server: FederatedServer;
  let peer: Peer;
  let stranger: Peer;
  let alice: MatrixHttp;
  let roomId: string;
  let derek: string;
  before(async () => {
    server = await startFederatedServer('hs1.localhost', { CAUSEWAY_PRESENCE_ENABLED: 'true' });
    [peer, stranger] = await Promise.all([startPeer(), startPeer('stranger.localhost')]);
    for (const one of [peer, stranger]) one.answer('PUT', /^\/_matrix\/federation\/v1\/send\//, () => ({ pdus: {} }));
    alice = await server.newUser('alice');
    derek = peer.userId('derek');
    roomId = await alice.createRoom({ preset: 'public_chat' });
    await ask(
      `insert into partial_rooms (room_nid, join_nid, resident, servers, started_at)
       select room_nid, 0, $2, array[$2], 0 from rooms where room_id = $1`,
    );
    await ask(
      `insert into room_servers (room_nid, server_name, joined, is_told) select room_nid, $2, 0, true from rooms where room_id = $1`,
    );
  });
  after(async () => {
    await Promise.all([peer, stranger, server].map((one) => one[Symbol.asyncDispose]()));
  });

  const ask = (sql: string): Promise<unknown> => askDatabase(server, sql, [roomId, peer.name]);
  const tell = async (from: Peer, edu_type: string, content: JsonObject): Promise<void> => {
    const edus = [{ edu_type, content }];
    const { status, bodyText } = await sendTransaction(from, server, { txnId: uniqueName('t'), pdus: [], edus });
    assert.equal(status, 200, bodyText);
  };
  const ephemeralIn = (answer: SyncAnswer, type: string): unknown[] => {
    const section = asObject(answer.join.get(roomId)?.raw['ephemeral'] ?? { events: [] }, 'ephemeral');
    const events = asArray(section['events'], 'events').map((event) => asObject(event, 'event'));
    return events.filter((event) => event['type'] === type).map((event) => event['content']);
  };
  const changedIn = ({ raw }: SyncAnswer): readonly unknown[] =>
    asArray(asObject(raw['device_lists'] ?? { changed: [] }, 'device_lists')['changed'], 'changed');
  const presentIn = ({ raw }: SyncAnswer): unknown[] =>
    asArray(asObject(raw['presence'] ?? { events: [] }, 'presence')['events'], 'events').map(
      (event) => asObject(event, 'event')['sender'],
    );

  test('tells who types and how far they have read, though they are not in the state', async () => {
    const { nextBatch: since } = await alice.sync({ filter: lazy });
    const receipt = { 'm.read': { [derek]: { event_ids: ['$far'], data: { ts: 5 } } } };
    for (const from of [peer, stranger]) {
      const user = from.userId('derek');
      await tell(from, 'm.typing', { room_id: roomId, user_id: user, typing: true });
      await tell(from, 'm.receipt', { [roomId]: { 'm.read': { [user]: receipt['m.read'][derek] ?? {} } } });
    }
    for (const answer of [await alice.sync({ since, filter: lazy }), await alice.sync({ filter: lazy })]) {
      assert.deepEqual(ephemeralIn(answer, 'm.typing'), [{ user_ids: [derek] }]);
      assert.deepEqual(ephemeralIn(answer, 'm.receipt'), [{ $far: { 'm.read': { [derek]: { ts: 5 } } } }]);
    }
  });

  test('tells who is there', async () => {
    const { nextBatch: since } = await alice.sync({ filter: lazy });
    for (const from of [peer, stranger]) {
      await tell(from, 'm.presence', { push: [{ user_id: from.userId('derek'), presence: 'online' }] });
    }
    for (const answer of [await alice.sync({ since, filter: lazy }), await alice.sync({ filter: lazy })]) {
      assert.deepEqual(
        presentIn(answer).filter((sender) => sender !== alice.userId),
        [derek],
      );
    }
  });

  test('tells of changed devices and signing keys, which are not remembered before it is known who is there', async () => {
    for (const [type, content] of [
      ['m.device_list_update', { device_id: 'QBUAZIFURK', stream_id: 1 }],
      ['m.signing_key_update', {}],
    ] as const) {
      const { nextBatch: since } = await alice.sync({ filter: lazy });
      for (const from of [peer, stranger]) await tell(from, type, { ...content, user_id: from.userId('derek') });
      assert.deepEqual(changedIn(await alice.sync({ since, filter: lazy })), [derek]);
    }
    let asked = 0;
    peer.answer('POST', /^\/_matrix\/federation\/v1\/user\/keys\/query$/, () => {
      asked += 1;
      return { device_keys: { [derek]: {} } };
    });
    for (const count of [1, 2]) {
      const body = { device_keys: { [derek]: [] } };
      assert.equal((await alice.raw('POST', '/keys/query', { body })).status, 200);
      assert.equal(asked, count);
    }
  });

  test('is believed no more once all members are known, and none of them is its own', async () => {
    const { nextBatch: since } = await alice.sync({ filter: lazy });
    await ask(
      `with r as (select room_nid from rooms where room_id = $1),
         s as (delete from room_servers s using r where s.room_nid = r.room_nid and s.server_name = $2)
       delete from partial_rooms p using r where p.room_nid = r.room_nid`,
    );
    await tell(peer, 'm.typing', { room_id: roomId, user_id: peer.userId('fred'), typing: true });
    await tell(peer, 'm.device_list_update', { device_id: 'QBUAZIFURK', stream_id: 2, user_id: derek });
    const answer = await alice.sync({ since, filter: lazy });
    assert.deepEqual([ephemeralIn(answer, 'm.typing'), changedIn(answer)], [[], []]);
  });
});

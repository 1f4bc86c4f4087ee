/** Proves knocks on rooms in which this server is not: how they begin, what clients see of them, and how they end. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ResidentRoom } from '#test/federation/resident-room.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';

const knockRules = { join_rule: 'knock' };

describe('knocking on rooms of other servers', () => {
  let server: FederatedServer;
  let peer: Peer;
  let user: MatrixHttp;
  before(async () => {
    [server, peer] = await Promise.all([startFederatedServer('hs1.localhost'), startPeer()]);
    user = await server.newUser('knocker');
  });
  after(async () => {
    await Promise.all([server, peer].map((each) => each[Symbol.asyncDispose]()));
  });

  const knock = (room: ResidentRoom, reason = 'please'): Promise<Answer> =>
    user.raw('POST', `/knock/${encode(room.roomId)}?server_name=${encode(peer.name)}`, { body: { reason } });

  for (const version of ['7', '12']) {
    test(`a room of version ${version} is knocked on, which a sync tells with the state that the other server showed`, async () => {
      const room = new ResidentRoom(peer, version, knockRules);
      room.serve();
      const { nextBatch: since } = await user.sync();
      const answer = await knock(room);
      assert.deepEqual([answer.status, answer.body], [200, { room_id: room.roomId }]);
      const own = room.events.at(-1)?.pdu;
      assert.deepEqual(own?.content, { membership: 'knock', reason: 'please' });
      for (const from of [since, undefined]) {
        const shown = knockState(await user.sync({ since: from }), room.roomId);
        const types = shown.map((event) => event['type']);
        assert.deepEqual(types, ['m.room.create', 'm.room.join_rules', 'm.room.member']);
      }
      assertError(await user.raw('GET', `/rooms/${encode(room.roomId)}/state`), 403, 'M_FORBIDDEN');
    });
  }

  test('a knock is taken back through the server that took it, and forgotten', async () => {
    const room = new ResidentRoom(peer, '11', knockRules);
    room.serve();
    await knock(room);
    const { nextBatch: since } = await user.sync();
    await user.raw('POST', `/rooms/${encode(room.roomId)}/leave`, { body: { reason: 'no matter' } });
    assert.deepEqual(room.events.at(-1)?.pdu.content, { membership: 'leave', reason: 'no matter' });
    const answer = await user.sync({ since });
    assert.deepEqual(knockState(answer, room.roomId), []);
    const left = answer.leave.get(room.roomId);
    assert.deepEqual(
      left?.timeline.map(({ content }) => content),
      [{ membership: 'leave', reason: 'no matter' }],
    );
    const filter = { room: { include_leave: true } };
    assert.ok((await user.sync({ filter })).leave.has(room.roomId));
    assert.equal((await user.raw('POST', `/rooms/${encode(room.roomId)}/forget`)).status, 200);
    assert.equal((await user.sync({ filter })).leave.has(room.roomId), false);
  });

  test('a knock is taken back here alone when the other server refuses, or is gone', async () => {
    const room = new ResidentRoom(peer, '11', knockRules);
    room.serve();
    await knock(room);
    room.refuse(403, 'M_FORBIDDEN');
    const before = room.events.length;
    await user.leave(room.roomId);
    assert.equal(room.events.length, before);
    assert.deepEqual(knockState(await user.sync(), room.roomId), []);
    // Whoever has left may knock again.
    room.serve();
    assert.equal((await knock(room)).status, 200);
    assert.notDeepEqual(knockState(await user.sync(), room.roomId), []);
  });

  test('a room that takes no knocks refuses, in the words of its server', async () => {
    const room = new ResidentRoom(peer, '11');
    room.refuse(403, 'M_FORBIDDEN');
    assertError(await knock(room), 403, 'M_FORBIDDEN');
    assert.deepEqual(knockState(await user.sync(), room.roomId), []);
    assertError(await user.raw('POST', `/rooms/${encode(room.roomId)}/leave`, { body: {} }), 403, 'M_FORBIDDEN');
  });

  for (const [what, shown] of [
    ['null', null],
    ['an object', {}],
    ['a text', 'x'],
    ['a list of null', [null]],
    ['a list of objects without anything', [{}]],
    [
      '1 MiB',
      Array.from({ length: 1_000 }, () => ({
        type: 't',
        state_key: '',
        sender: '@a:b',
        content: { a: 'x'.repeat(900) },
      })),
    ],
  ] as const) {
    test(`V33 a knock is shown without state when the other server tells ${what}, and the sync answers`, async () => {
      const room = new ResidentRoom(peer, '11', knockRules);
      room.serve();
      peer.answer(
        'PUT',
        new RegExp(`/v1/send_knock/${encode(room.roomId)}/`),
        () => new PeerReply(200, JSON.stringify({ knock_room_state: shown })),
      );
      assert.equal((await knock(room)).status, 200);
      const told = knockState(await user.sync(), room.roomId);
      assert.equal(told.at(-1)?.['type'], 'm.room.member');
      assert.ok(JSON.stringify(told).length < 250_000);
    });
  }
});

/** What a sync shows of a room that the user has knocked on. */
function knockState({ raw }: SyncAnswer, roomId: string): { readonly [key: string]: unknown }[] {
  const rooms = asObject(raw['rooms'] ?? {}, 'rooms');
  const room = asObject(asObject(rooms['knock'] ?? {}, 'knock')[roomId] ?? {}, 'the room');
  const state = asObject(room['knock_state'] ?? { events: [] }, 'knock_state');
  return asArray(state['events'], 'events').map((event) => asObject(event, 'an event'));
}

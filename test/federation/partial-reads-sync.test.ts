/** Proves who is shown a room whose members are not all known, and when: what the database says of it is written directly. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { changeMembership, askTemplate, fillTemplate, submit } from '#test/federation/peer-member.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { assertError, encode, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';

const lazy = { room: { state: { lazy_load_members: true } } };

describe('a room whose members are not all known', () => {
  let server: FederatedServer;
  let peer: Peer;
  let alice: MatrixHttp;
  before(async () => {
    server = await startFederatedServer('hs1.localhost', { CAUSEWAY_FEDERATION_MEMBERS_WAIT_MS: '1000' });
    peer = await startPeer();
    peer.answer('PUT', /^\/_matrix\/federation\/v1\/send\//, () => ({ pdus: {} }));
    alice = await server.newUser('alice');
  });
  after(async () => {
    await Promise.all([peer, server].map((one) => one[Symbol.asyncDispose]()));
  });

  const enterPartially = async (roomId: string): Promise<void> => {
    await askDatabase(
      server,
      `insert into partial_rooms (room_nid, join_nid, resident, servers, started_at)
       select room_nid, 0, $2, array[$2], 0 from rooms where room_id = $1`,
      [roomId, peer.name],
    );
  };
  const complete = (roomId: string): Promise<unknown> =>
    askDatabase(
      server,
      `with gone as (delete from partial_rooms p using rooms r where r.room_nid = p.room_nid and r.room_id = $1 returning p.room_nid)
       insert into completed_rooms (user_nid, room_nid, pos)
       select m.user_nid, m.room_nid, nextval('user_data_pos') from gone join user_rooms m using (room_nid) where m.membership = 2`,
      [roomId],
    );
  const newPartialRoom = async (body = {}): Promise<string> => {
    const roomId = await alice.createRoom({ preset: 'public_chat', ...body });
    await enterPartially(roomId);
    return roomId;
  };

  test('is shown at once to a lazy sync, and to one that wants all members when they are known, whole', async () => {
    const before = await alice.sync();
    const lazyBefore = await alice.sync({ filter: lazy });
    const roomId = await newPartialRoom({ name: 'Hall' });
    await alice.sendText(roomId, 'one');
    assert.equal((await alice.sync()).join.has(roomId), false);
    const hidden = await alice.sync({ since: before.nextBatch });
    assert.equal(hidden.join.has(roomId), false);
    const shown = await alice.sync({ since: lazyBefore.nextBatch, filter: lazy });
    assert.equal(shown.join.has(roomId), true);
    assert.equal((await alice.sync({ filter: lazy })).join.has(roomId), true);

    const waiting = alice.sync({ since: hidden.nextBatch, timeout: 30_000 });
    const lazyWaiting = alice.sync({ since: shown.nextBatch, filter: lazy, timeout: 30_000 });
    await complete(roomId);
    const whole = (await waiting).join.get(roomId);
    assert.ok(whole);
    const types = [...(whole.state ?? []), ...whole.timeline].map(({ type }) => type);
    for (const type of ['m.room.create', 'm.room.member', 'm.room.name', 'm.room.message'])
      assert.ok(types.includes(type));
    const summarised = (await lazyWaiting).join.get(roomId);
    assert.deepEqual([summarised?.state, summarised?.timeline], [[], []]);
    assert.ok(summarised?.raw['summary'] !== undefined);

    // Whoever has been told is not told again.
    const { nextBatch } = await waiting;
    assert.equal((await alice.sync({ since: nextBatch })).join.has(roomId), false);
    assert.equal((await alice.sync({ since: (await lazyWaiting).nextBatch, filter: lazy })).join.has(roomId), false);
  });

  test('is not shown by the views of before /sync, either', async () => {
    const roomId = await newPartialRoom();
    const { body } = await alice.raw('GET', '/initialSync');
    assert.ok(!JSON.stringify(body['rooms']).includes(roomId));
    await complete(roomId);
    await alice.sync({ full_state: true });
    assert.ok(JSON.stringify((await alice.raw('GET', '/initialSync')).body['rooms']).includes(roomId));
  });

  test('that is left before it was shown is told as left, and nothing else of it', async () => {
    const { nextBatch: since } = await alice.sync();
    const roomId = await newPartialRoom();
    const hidden = await alice.sync({ since });
    await alice.leave(roomId);
    const left = (await alice.sync({ since: hidden.nextBatch })).leave.get(roomId);
    assert.deepEqual(
      left?.timeline.map(({ type, state_key: key }) => [type, key]),
      [['m.room.member', alice.userId]],
    );
  });

  test('keeps who needs all members waiting, and then says so', async () => {
    const roomId = await newPartialRoom();
    const path = `/rooms/${encode(roomId)}`;
    for (const what of ['members', 'joined_members', 'state', 'state/m.room.member/@nobody:elsewhere.test']) {
      assertError(await alice.raw('GET', `${path}/${what}`), 504, 'M_UNKNOWN');
    }
    assert.equal((await alice.raw('GET', `${path}/state/m.room.create/`)).status, 200);
    assert.equal((await alice.raw('GET', `${path}/state/m.room.member/${encode(alice.userId)}`)).status, 200);
    const body = { user_id: '@nobody:elsewhere.test' };
    assertError(await alice.raw('POST', `${path}/ban`, { body }), 504, 'M_UNKNOWN');
    const members = alice.raw('GET', `${path}/members`);
    await complete(roomId);
    assert.equal((await members).status, 200);
  });

  test('answers other servers neither templates nor states', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const bob = peer.userId(uniqueName('bob'));
    const { event } = await changeMembership(peer, server, 'join', roomId, bob);
    const template = await askTemplate(peer, server, 'join', roomId, peer.userId('carol'));
    await enterPartially(roomId);
    for (const membership of ['join', 'leave', 'knock'] as const) {
      const { status, body } = await askTemplate(peer, server, membership, roomId, bob);
      assert.deepEqual([status, body['errcode']], [404, 'M_NOT_FOUND']);
    }
    const { status } = await submit(peer, server, 'join', fillTemplate(peer, template));
    assert.equal(status, 404);
    const query = `${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(event.eventId)}`;
    for (const what of ['state', 'state_ids']) {
      const answer = await peer.ask(server, 'GET', `/_matrix/federation/v1/${what}/${query}`);
      assert.deepEqual([answer.status, answer.body['errcode']], [404, 'M_NOT_FOUND']);
    }
    await complete(roomId);
    assert.equal((await peer.ask(server, 'GET', `/_matrix/federation/v1/state_ids/${query}`)).status, 200);
  });
});

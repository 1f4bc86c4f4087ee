/** Proves what a joining server is told that will fetch the members of the room later. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventIdsOf, type JsonObject } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { changeMembership, readPdus, submit } from '#test/federation/peer-member.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startPeer, type Peer, type PeerAnswer } from '#test/support/peer.ts';

const omitMembers = '?omit_members=true';
const stateTypes = [
  'm.room.create',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.join_rules',
  'm.room.power_levels',
];

describe('a join without members, as it is answered', () => {
  let server: FederatedServer;
  let peer: Peer;
  let alice: MatrixHttp;
  let others: readonly MatrixHttp[];
  before(async () => {
    server = await startFederatedServer('hs1.localhost');
    peer = await startPeer();
    peer.answer('PUT', /^\/_matrix\/federation\/v1\/send\//, () => ({ pdus: {} }));
    alice = await server.newUser('alice');
    others = await Promise.all(Array.from({ length: 7 }, () => server.newUser(uniqueName('other'))));
  });
  after(async () => {
    await Promise.all([peer, server].map((one) => one[Symbol.asyncDispose]()));
  });

  /** A room that alice and then the others have entered, one after the other. */
  async function makeRoom(extra: JsonObject, members: readonly MatrixHttp[] = others): Promise<string> {
    const roomId = await alice.createRoom({ preset: 'public_chat', ...extra });
    for (const member of members) await member.join(roomId);
    return roomId;
  }

  async function joinReduced(roomId: string): Promise<PeerAnswer & { readonly event: ValidatedPdu }> {
    const bob = peer.userId(uniqueName('bob'));
    const { event, answer } = await changeMembership(peer, server, 'join', roomId, bob, omitMembers);
    return { ...answer, event };
  }

  test('of a room with a name there are no members, and what everything stands on is there, each event once', async () => {
    for (const version of ['1', '3', '6', '10', '11', '12']) {
      const roomId = await makeRoom({ room_version: version, name: 'Open house' }, others.slice(0, 3));
      const { body, event } = await joinReduced(roomId);
      assert.equal(body['members_omitted'], true);
      assert.deepEqual(body['servers_in_room'], [server.name]);
      const state = readPdus(body['state'], version);
      const chain = readPdus(body['auth_chain'], version);
      assert.deepEqual(state.map(({ pdu }) => pdu.type).toSorted(), [...stateTypes, 'm.room.name'].toSorted());
      const ids = [...state, ...chain].map(({ eventId }) => eventId);
      assert.equal(new Set(ids).size, ids.length, 'no event is there twice');
      for (const { pdu } of [...state, ...chain, event]) {
        for (const id of eventIdsOf(pdu.auth_events)) assert.ok(ids.includes(id), `${version}: ${id}`);
      }
      assert.ok(
        chain.some(({ pdu }) => pdu.type === 'm.room.member' && pdu.state_key === alice.userId),
        'alice, who made the room, permits its state',
      );
      assert.ok(!chain.some(({ pdu }) => pdu.state_key === others[0]?.userId));

      // An answer that was lost is asked for again; who asks for all of the state is given it.
      const again = await submit(peer, server, 'join', event, { query: omitMembers });
      assert.deepEqual(again.body['state'], body['state']);
      const whole = await submit(peer, server, 'join', event, { query: '?omit_members=false' });
      assert.equal(whole.body['members_omitted'], false);
      assert.equal(membersIn(readPdus(whole.body['state'], version)).length, 4);
    }
  });

  test('of a room with neither name nor alias there are the five members after whom it is named, and what permits them', async () => {
    const roomId = await makeRoom({});
    const { body } = await joinReduced(roomId);
    assert.equal(body['members_omitted'], true);
    const state = readPdus(body['state'], '12');
    assert.deepEqual(
      membersIn(state),
      [alice, ...others.slice(0, 4)].map(({ userId }) => userId),
    );
    const ids = new Set([...state, ...readPdus(body['auth_chain'], '12')].map(({ eventId }) => eventId));
    for (const { pdu } of state) for (const id of eventIdsOf(pdu.auth_events)) assert.ok(ids.has(id));
  });

  test('nobody is told of themselves, and of those who left only where nobody else is there', async () => {
    const roomId = await makeRoom({}, others.slice(0, 2));
    await others[0]?.leave(roomId);
    const bob = peer.userId(uniqueName('bob'));
    await changeMembership(peer, server, 'join', roomId, bob);
    await changeMembership(peer, server, 'leave', roomId, bob);
    const { answer } = await changeMembership(peer, server, 'join', roomId, bob, omitMembers);
    assert.equal(answer.body['members_omitted'], true);
    const named = membersIn(readPdus(answer.body['state'], '12'));
    assert.deepEqual(named, [alice.userId, others[1]?.userId]);
  });

  test('a canonical alias names a room as a name does, and an empty name names none', async () => {
    const aliased = await makeRoom({ room_alias_name: uniqueName('hall') }, others.slice(0, 1));
    assert.deepEqual(membersIn(readPdus((await joinReduced(aliased)).body['state'], '12')), []);

    const nameless = await makeRoom({ name: 'For now' }, others.slice(0, 5));
    await alice.setState(nameless, 'm.room.name', { name: '' });
    assert.equal(membersIn(readPdus((await joinReduced(nameless)).body['state'], '12')).length, 5);
  });

  test('a room that is named after all of its members is told whole, and needs no second request', async () => {
    const roomId = await makeRoom({}, others.slice(0, 1));
    const { body } = await joinReduced(roomId);
    assert.equal(body['members_omitted'], false);
    assert.deepEqual(membersIn(readPdus(body['state'], '12')), [alice.userId, others[0]?.userId]);
    assert.deepEqual(body['servers_in_room'], [server.name]);
  });

  test('the members that are left out are in the state before the join, for who asks later', async () => {
    const roomId = await makeRoom({ name: 'Hall' });
    const { event } = await joinReduced(roomId);
    const target = `/_matrix/federation/v1/state/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(event.eventId)}`;
    const { status, body } = await peer.ask(server, 'GET', target);
    assert.equal(status, 200);
    assert.equal(membersIn(readPdus(body['pdus'], '12')).length, 8);
  });
});

/** The users whose memberships are among these events, in the order in which they came. */
function membersIn(events: readonly ValidatedPdu[]): string[] {
  return events
    .filter(({ pdu }) => pdu.type === 'm.room.member')
    .toSorted((one, other) => one.pdu.depth - other.pdu.depth)
    .flatMap(({ pdu }) => pdu.state_key ?? []);
}

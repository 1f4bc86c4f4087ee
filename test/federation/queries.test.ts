/** Proves what any server may ask: profiles, aliases, the directory, spaces; and that rooms answer only servers in them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { changeMembership } from '#test/federation/peer-member.ts';
import { startFederation, type FederatedServer } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { startPeer, type Peer, type PeerAnswer } from '#test/support/peer.ts';

const prefix = '/_matrix/federation/v1';
const stack = new AsyncDisposableStack();
let server: FederatedServer;
let peer: Peer;
let alice: MatrixHttp;
before(async () => {
  const federation = stack.use(await startFederation(1));
  const [first] = federation.servers;
  assert.ok(first);
  server = first;
  peer = stack.use(await startPeer());
  alice = await server.newUser('alice');
});
after(() => stack.disposeAsync());

const ask = (target: string): Promise<PeerAnswer> => peer.ask(server, 'GET', `${prefix}${target}`);
const q = encodeURIComponent;

describe('what any server may ask', () => {
  test('the profile of a user of this server, whole or one field', async () => {
    const name = { displayname: 'Alice Cooper' };
    const set = await alice.raw('PUT', `/profile/${q(alice.userId)}/displayname`, { body: name });
    assert.equal(set.status, 200);
    const userId = q(alice.userId);
    const field = await ask(`/query/profile?user_id=${userId}&field=displayname`);
    assert.deepEqual([field.status, field.body], [200, { displayname: 'Alice Cooper' }]);
    const whole = await ask(`/query/profile?user_id=${userId}`);
    assert.deepEqual([whole.status, whole.body], [200, { displayname: 'Alice Cooper' }]);
    const unset = await ask(`/query/profile?user_id=${userId}&field=avatar_url`);
    assert.deepEqual([unset.status, unset.body], [200, {}]);
    const nobody = await ask(`/query/profile?user_id=${q(`@nobody:${server.name}`)}`);
    assert.deepEqual([nobody.status, nobody.body['errcode']], [404, 'M_NOT_FOUND']);
    for (const wrong of ['@user1:localhost:http', peer.userId('bob'), 'alice']) {
      assert.equal((await ask(`/query/profile?user_id=${q(wrong)}`)).status, 400, wrong);
    }
    const unsigned = await fetch(`${server.baseUrl}${prefix}/query/profile?user_id=${userId}`);
    assert.equal(unsigned.status, 401);
  });

  test('the room behind an alias of this server, with the servers to join by', async () => {
    const roomId = await alice.createRoom({ room_alias_name: 'ünïcode👉' });
    const found = await ask(`/query/directory?room_alias=${q(`#ünïcode👉:${server.name}`)}`);
    assert.deepEqual([found.status, found.body], [200, { room_id: roomId, servers: [server.name] }]);
    const none = await ask(`/query/directory?room_alias=${q(`#none:${server.name}`)}`);
    assert.deepEqual([none.status, none.body['errcode']], [404, 'M_NOT_FOUND']);
  });

  test('the published rooms, in pages and by a search', async () => {
    const roomIds: string[] = [];
    for (const name of ['Tea', 'Coffee', 'Water']) {
      roomIds.push(await alice.createRoom({ name, preset: 'public_chat', visibility: 'public' }));
    }
    await alice.createRoom({ name: 'Not published', preset: 'public_chat' });
    const seen: string[] = [];
    for (let since = ''; ;) {
      const page = await ask(`/publicRooms?limit=2${since === '' ? '' : `&since=${q(since)}`}`);
      assert.equal(page.status, 200, page.bodyText);
      seen.push(...roomIdsOf(page));
      const { next_batch: next } = page.body;
      if (typeof next !== 'string') break;
      since = next;
    }
    assert.deepEqual(seen.toSorted(), roomIds.toSorted());
    const search = { filter: { generic_search_term: 'coff' }, limit: 10 };
    const found = await peer.ask(server, 'POST', `${prefix}/publicRooms`, search);
    assert.deepEqual([found.status, roomIdsOf(found)], [200, roomIds.slice(1, 2)]);
  });

  test('the keys of another server, with the signatures of both', async () => {
    await alice.createRoom({});
    const path = '/_matrix/key/v2/query';
    const one = await fetch(`${server.baseUrl}${path}/${q(peer.name)}`);
    const body = JSON.stringify({ server_keys: { [peer.name]: {} } });
    const many = await fetch(`${server.baseUrl}${path}`, { method: 'POST', body });
    for (const answer of [one, many]) {
      assert.equal(answer.status, 200);
      const { server_keys: told }: { server_keys: { server_name: string; signatures: object }[] } = JSON.parse(
        await answer.text(),
      );
      assert.deepEqual(
        told.map(({ server_name: name, signatures }) => [name, Object.keys(signatures).toSorted()]),
        [[peer.name, [peer.name, server.name].toSorted()]],
      );
    }
  });

  test('the state of a room that it is in, whole', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'The state' });
    const { event } = await changeMembership(peer, server, 'join', roomId, peer.userId('bob'));
    const told = await ask(`/state/${q(roomId)}?event_id=${q(event.eventId)}`);
    assert.equal(told.status, 200, told.bodyText);
    const { pdus }: { pdus: { type: string; content: { name?: string } }[] } = JSON.parse(told.bodyText);
    assert.equal(pdus.find(({ type }) => type === 'm.room.name')?.content.name, 'The state');
    assert.ok(pdus.some(({ type }) => type === 'm.room.create'));
  });

  test('one level of a space whose users could enter it', async () => {
    const child = await alice.createRoom({ preset: 'public_chat', name: 'Child' });
    const closed = await alice.createRoom({ preset: 'private_chat', name: 'Closed' });
    const space = await alice.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } });
    for (const id of [child, closed]) await alice.setState(space, 'm.space.child', { via: [server.name] }, id);
    const told = JSON.parse((await ask(`/hierarchy/${q(space)}`)).bodyText);
    assert.equal(told.room.room_id, space);
    assert.equal(told.room.children_state.length, 2);
    assert.deepEqual(
      told.children.map((room: { room_id: string; name: string }) => [room.room_id, room.name]),
      [[child, 'Child']],
    );
    assert.deepEqual(told.inaccessible_children, [closed]);
    assert.equal((await ask(`/hierarchy/${q(closed)}`)).status, 404);
  });

  test('V14 nothing of a room that it is not in: the answer is that for a room which is not there', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const eventId = await alice.sendText(roomId, 'secret');
    const targets = (room: string): string[] => [
      `/state/${q(room)}?event_id=${q(eventId)}`,
      `/state_ids/${q(room)}?event_id=${q(eventId)}`,
      `/event_auth/${q(room)}/${q(eventId)}`,
      `/backfill/${q(room)}?v=${q(eventId)}&limit=10`,
      `/timestamp_to_event/${q(room)}?ts=0&dir=f`,
    ];
    const missing = targets('!missing:nowhere.test');
    for (const [at, target] of targets(roomId).entries()) {
      const answer = await ask(target);
      assert.deepEqual([answer.status, answer.body['errcode']], [403, 'M_FORBIDDEN'], target);
      assert.deepEqual((await ask(missing[at] ?? '')).body, answer.body, target);
    }
    const between = { earliest_events: [], latest_events: [eventId], limit: 10, min_depth: 0 };
    const gap = await peer.ask(server, 'POST', `${prefix}/get_missing_events/${q(roomId)}`, between);
    assert.deepEqual([gap.status, gap.body['errcode']], [403, 'M_FORBIDDEN']);
    const event = await ask(`/event/${q(eventId)}`);
    assert.deepEqual([event.status, event.body['errcode']], [404, 'M_NOT_FOUND']);
    assert.deepEqual((await ask(`/event/${q('$nothing')}`)).body, event.body);
  });
});

function roomIdsOf({ bodyText }: PeerAnswer): string[] {
  const { chunk }: { chunk: { room_id: string }[] } = JSON.parse(bodyText);
  return chunk.map((room) => room.room_id);
}

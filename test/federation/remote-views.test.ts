/** Proves what users of one server see of another: history from before they joined, profiles, directories, spaces. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFederation, type FederatedServer, type FederatedServers } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';

describe('what two servers show each other', () => {
  let federation: FederatedServers;
  let alice: MatrixHttp;
  let bob: MatrixHttp;
  let home: FederatedServer;
  before(async () => {
    federation = await startFederation(2);
    const [one, other] = federation.servers;
    assert.ok(one && other);
    home = one;
    alice = await one.newUser('alice');
    bob = await other.newUser('bob');
  });
  after(() => federation[Symbol.asyncDispose]());

  const enter = async (roomId: string): Promise<void> => {
    const answer = await bob.raw('POST', `/join/${encodeURIComponent(roomId)}`, {
      query: { via: home.name },
      body: {},
    });
    assert.equal(answer.status, 200, answer.bodyText);
  };
  const readBack = async (user: MatrixHttp, roomId: string): Promise<string[]> => {
    const ids: string[] = [];
    for (let from: string | undefined; ;) {
      const page = await user.getMessages(roomId, { dir: 'b', limit: 10, ...(from !== undefined && { from }) });
      ids.push(...page.chunk.map((event) => event.event_id));
      if (page.end === undefined || page.end === from) return ids;
      from = page.end;
    }
  };

  test('the whole history is read after a join, and what was missed after a second one', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    for (let at = 0; at < 25; at++) await alice.sendText(roomId, `before ${at}`);
    await enter(roomId);
    assert.deepEqual(await readBack(bob, roomId), await readBack(alice, roomId));
    let { nextBatch: since } = await alice.sync();
    await bob.leave(roomId);
    // Until it has come, what is said at home stands beside it.
    for (
      let left = 100;
      (await alice.getState(roomId, 'm.room.member', bob.userId))['membership'] !== 'leave';
      left--
    ) {
      assert.ok(left > 0, 'the leave has not come');
      ({ nextBatch: since } = await alice.sync({ since, timeout: 1_000 }));
    }
    for (let at = 0; at < 15; at++) await alice.sendText(roomId, `meanwhile ${at}`);
    await enter(roomId);
    assert.deepEqual(await readBack(bob, roomId), await readBack(alice, roomId));
  });

  test('a day from before the join is jumped to, and read around in both directions', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const before = Date.now();
    const first = await alice.sendText(roomId, 'first');
    const last = await alice.sendText(roomId, 'last');
    const after = Date.now();
    await enter(roomId);
    const jump = (ts: number, dir: string): Promise<JsonObject> =>
      json(bob, `/../v1/rooms/${q(roomId)}/timestamp_to_event`, { ts: String(ts), dir });
    assert.equal((await jump(before, 'f'))['event_id'], first);
    assert.equal((await jump(after, 'b'))['event_id'], last);
    const context = await json(bob, `/rooms/${q(roomId)}/context/${q(last)}`, { limit: '0' });
    for (const [side, wanted] of [
      ['start', [first]],
      ['end', [last, first]],
    ] as const) {
      const from = String(context[side]);
      const page = await bob.getMessages(roomId, { dir: 'b', limit: 100, from });
      assert.deepEqual(
        page.chunk.slice(0, wanted.length).map((event) => event.event_id),
        wanted,
        side,
      );
    }
    assert.deepEqual(await readBack(bob, roomId), await readBack(alice, roomId), 'each once, and in their order');
  });

  test('an event from far before the join is read by its id, and what is around it', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const ids: string[] = [];
    for (let at = 0; at < 150; at++) ids.push(await alice.sendText(roomId, `long ago ${at}`));
    await enter(roomId);
    const [, , third = ''] = ids;
    assert.equal((await json(bob, `/rooms/${q(roomId)}/event/${q(third)}`))['event_id'], third);
    const around = await json(bob, `/rooms/${q(roomId)}/context/${q(third)}`, { limit: '4' });
    assert.deepEqual(idsIn(around['events_before']), [ids[1], ids[0]]);
    const nowhere = await bob.raw('GET', `/rooms/${q(roomId)}/event/${q(`$${'n'.repeat(43)}`)}`);
    assert.deepEqual([nowhere.status, nowhere.body['errcode']], [404, 'M_NOT_FOUND']);
    assert.deepEqual(await readBack(bob, roomId), await readBack(alice, roomId), 'each once, and in their order');
  });

  const json = async (user: MatrixHttp, path: string, query: Record<string, string> = {}): Promise<JsonObject> => {
    const answer = await user.raw('GET', path, { query });
    assert.equal(answer.status, 200, answer.bodyText);
    return answer.body;
  };
  const q = encodeURIComponent;

  test('profiles of users of the other server, whole and field by field', async () => {
    const name = { displayname: 'Alice of the other server' };
    await alice.raw('PUT', `/profile/${q(alice.userId)}/displayname`, { body: name });
    assert.deepEqual(await json(bob, `/profile/${q(alice.userId)}`), name);
    assert.deepEqual(await json(bob, `/profile/${q(alice.userId)}/displayname`), name);
    const unset = await bob.raw('GET', `/profile/${q(alice.userId)}/avatar_url`);
    assert.deepEqual([unset.status, unset.body['errcode']], [404, 'M_NOT_FOUND']);
    const nobody = await bob.raw('GET', `/profile/${q(`@nobody:${home.name}`)}`);
    assert.deepEqual([nobody.status, nobody.body['errcode']], [404, 'M_NOT_FOUND']);
  });

  test('the directory of the other server, with its pages and a search', async () => {
    const names = ['Apples', 'Pears', 'Plums'];
    const ids: string[] = [];
    for (const name of names) ids.push(await alice.createRoom({ name, preset: 'public_chat', visibility: 'public' }));
    const seen: unknown[] = [];
    for (let since: string | undefined; ;) {
      const query = { server: home.name, limit: '2', ...(since !== undefined && { since }) };
      const page = await json(bob, '/publicRooms', query);
      seen.push(...roomIdsOf(page['chunk']));
      if (typeof page['next_batch'] !== 'string') break;
      since = page['next_batch'];
    }
    assert.deepEqual(new Set(seen), new Set(ids));
    const body = { filter: { generic_search_term: 'pea' } };
    const found = await bob.raw('POST', '/publicRooms', { query: { server: home.name }, body });
    assert.deepEqual(roomIdsOf(found.body['chunk']), [ids[1]]);
  });

  test('a room of the other server from outside, by the servers that are named', async () => {
    const roomId = await alice.createRoom({ name: 'Seen from outside', preset: 'public_chat' });
    const closed = await alice.createRoom({ name: 'Closed', preset: 'private_chat' });
    const path = (id: string): string => `/../v1/room_summary/${q(id)}`;
    const summary = await json(bob, path(roomId), { via: home.name });
    assert.deepEqual([summary['room_id'], summary['name']], [roomId, 'Seen from outside']);
    const refused = await bob.raw('GET', path(closed), { query: { via: home.name } });
    assert.deepEqual([refused.status, refused.body['errcode']], [404, 'M_NOT_FOUND']);
  });

  test('a space whose rooms are on both servers is walked as one; what is closed stays closed', async () => {
    const space = { preset: 'public_chat', creation_content: { type: 'm.space' } };
    const far = await alice.createRoom({ name: 'Far', preset: 'public_chat' });
    const farClosed = await alice.createRoom({ name: 'Far and closed', preset: 'private_chat' });
    const farSpace = await alice.createRoom({ ...space, name: 'Far space' });
    const near = await bob.createRoom({ name: 'Near', preset: 'public_chat' });
    const root = await bob.createRoom({ ...space, name: 'Root' });
    const ownName = bob.userId.slice(bob.userId.indexOf(':') + 1);
    for (const [child, order] of [
      [far, 'a'],
      [farClosed, 'b'],
    ] as const) {
      await alice.setState(farSpace, 'm.space.child', { via: [home.name], order }, child);
    }
    // A circle, which must end.
    await alice.setState(farSpace, 'm.space.child', { via: [ownName], order: 'c' }, root);
    await bob.setState(root, 'm.space.child', { via: [ownName], order: 'a' }, near);
    await bob.setState(root, 'm.space.child', { via: [home.name], order: 'b' }, farSpace);
    const told = await json(bob, `/../v1/rooms/${q(root)}/hierarchy`);
    assert.deepEqual(roomIdsOf(told['rooms']), [root, near, farSpace, far]);
    const pages: unknown[] = [];
    for (let from: string | undefined; ;) {
      const page = await json(bob, `/../v1/rooms/${q(root)}/hierarchy`, {
        limit: '1',
        ...(from !== undefined && { from }),
      });
      pages.push(...roomIdsOf(page['rooms']));
      if (typeof page['next_batch'] !== 'string') break;
      from = page['next_batch'];
    }
    assert.deepEqual(pages, [root, near, farSpace, far]);
  });
});

function idsIn(events: unknown): unknown[] {
  assert.ok(Array.isArray(events));
  return events.map((event: { event_id?: unknown }) => event.event_id);
}

function roomIdsOf(rooms: unknown): unknown[] {
  assert.ok(Array.isArray(rooms));
  return rooms.map((room: { room_id?: unknown }) => room.room_id);
}

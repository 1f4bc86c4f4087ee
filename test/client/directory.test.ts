/** Owns the tests of the directory of published rooms. Specification: Client-Server API, "Published room directory". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, optionalText, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('the directory of rooms', () => {
  const server = useSuiteServer();

  const query = (user: MatrixHttp, body: JsonObject): Promise<Answer> => user.raw('POST', '/publicRooms', { body });
  const chunkOf = ({ body }: Answer): JsonObject[] =>
    asArray(body['chunk'], 'chunk').map((room) => asObject(room, 'a room of the directory'));
  const idsOf = (answer: Answer): string[] => chunkOf(answer).map((room) => text(room, 'room_id'));
  const search = (user: MatrixHttp, term: string, more: JsonObject = {}): Promise<Answer> =>
    query(user, { ...more, filter: { generic_search_term: term } });
  const list = (user: MatrixHttp, roomId: string, visibility: string): Promise<Answer> =>
    user.raw('PUT', `/directory/list/room/${encode(roomId)}`, { body: { visibility } });
  const anonymous = (path: string): Promise<Answer> => request(server.baseUrl, 'GET', `/_matrix/client/v3${path}`);

  it('lists what was published, with what the room looks like from outside, to anybody', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const name = uniqueName('Listed');
    const aliasName = uniqueName('listed');
    const roomId = await alice.createRoom({
      visibility: 'public',
      name,
      topic: 'About lists',
      room_alias_name: aliasName,
      creation_content: { type: 'm.space' },
      initial_state: [
        { type: 'm.room.avatar', content: { url: 'mxc://hs1.test/avatar' } },
        { type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } },
        { type: 'm.room.guest_access', content: { guest_access: 'can_join' } },
      ],
    });
    await bob.join(roomId);
    const expected = {
      room_id: roomId,
      name,
      topic: 'About lists',
      canonical_alias: `#${aliasName}:hs1.test`,
      avatar_url: 'mxc://hs1.test/avatar',
      num_joined_members: 2,
      world_readable: true,
      guest_can_join: true,
      join_rule: 'public',
      room_type: 'm.space',
    };
    assert.deepEqual(chunkOf(await search(bob, name)), [expected]);
    const all = chunkOf(await anonymous('/publicRooms'));
    assert.deepEqual(
      all.find((room) => room['room_id'] === roomId),
      expected,
    );
    assert.deepEqual((await anonymous(`/directory/list/room/${encode(roomId)}`)).body, { visibility: 'public' });
  });

  it('follows renaming, joining and leaving', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [before, after] = [uniqueName('before'), uniqueName('after')];
    const roomId = await alice.createRoom({ visibility: 'public', name: before });
    await bob.join(roomId);
    await alice.setState(roomId, 'm.room.name', { name: after });
    assert.deepEqual(idsOf(await search(bob, before)), []);
    assert.equal(chunkOf(await search(bob, after))[0]?.['num_joined_members'], 2);
    await bob.leave(roomId);
    assert.equal(chunkOf(await search(bob, after))[0]?.['num_joined_members'], 1);
  });

  it('V51: says nothing of a room that was not published, or not any more', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const name = uniqueName('hidden');
    const roomId = await alice.createRoom({ preset: 'public_chat', name });
    assert.deepEqual(idsOf(await search(bob, name)), []);
    assert.deepEqual((await anonymous(`/directory/list/room/${encode(roomId)}`)).body, { visibility: 'private' });
    assert.equal((await list(alice, roomId, 'public')).status, 200);
    assert.deepEqual(idsOf(await search(bob, name)), [roomId]);
    assert.equal((await list(alice, roomId, 'private')).status, 200);
    assert.deepEqual(idsOf(await search(bob, name)), []);
  });

  it('is changed by those with power in the room alone', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    assertError(await list(bob, roomId, 'public'), 403, 'M_FORBIDDEN');
    assertError(await list(carol, roomId, 'public'), 403, 'M_FORBIDDEN');
    assertError(await list(alice, '!nowhere:hs1.test', 'public'), 404, 'M_NOT_FOUND');
    assertError(await anonymous(`/directory/list/room/${encode('!nowhere:hs1.test')}`), 404, 'M_NOT_FOUND');
    assertError(await list(alice, roomId, 'secret'), 400, 'M_INVALID_PARAM');
    assert.deepEqual((await anonymous(`/directory/list/room/${encode(roomId)}`)).body, { visibility: 'private' });
  });

  it('is searched by name, topic and alias, whatever the case of letters, and by nothing else', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const mark = uniqueName('mark');
    const byName = await alice.createRoom({ visibility: 'public', name: `ÄRGER ${mark} 100%_` });
    const byTopic = await alice.createRoom({ visibility: 'public', name: 'n', topic: `Об ИГРАХ ${mark}` });
    const byAlias = await alice.createRoom({ visibility: 'public', name: 'n', room_alias_name: `Alias-${mark}` });
    assert.deepEqual(idsOf(await search(bob, mark)).toSorted(), [byName, byTopic, byAlias].toSorted());
    assert.deepEqual(idsOf(await search(bob, `ärger ${mark}`)), [byName]);
    assert.deepEqual(idsOf(await search(bob, `играх ${mark}`)), [byTopic]);
    assert.deepEqual(idsOf(await search(bob, `#ALIAS-${mark}`)), [byAlias]);
    assert.deepEqual(idsOf(await search(bob, `${mark} 100%_`)), [byName]);
    assert.deepEqual(idsOf(await search(bob, `${mark}%`)), [], 'C8: no character of a search means more than itself');
  });

  it('is filtered by the types of rooms, null being none', async () => {
    const [alice] = await server.newUsers('alice');
    const name = uniqueName('typed');
    const plain = await alice.createRoom({ visibility: 'public', name });
    const space = await alice.createRoom({ visibility: 'public', name, creation_content: { type: 'm.space' } });
    const of = async (types: readonly unknown[] | null): Promise<string[]> =>
      idsOf(await query(alice, { filter: { generic_search_term: name, room_types: types } })).toSorted();
    assert.deepEqual(await of(['m.space']), [space]);
    assert.deepEqual(await of([null]), [plain]);
    assert.deepEqual(await of([null, 'm.space']), [plain, space].toSorted());
    assert.deepEqual(await of(null), [plain, space].toSorted());
    assert.deepEqual(await of([]), []);
  });

  it('is paged through in both directions, in a stable order, largest rooms first', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const name = uniqueName('paged');
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1) made.push(await alice.createRoom({ visibility: 'public', name }));
    const largest = made[2] ?? '';
    await bob.join(largest);
    for (const term of [name, undefined]) {
      const filter = term === undefined ? {} : { generic_search_term: term };
      const pages: Answer[] = [];
      let since: string | undefined;
      do {
        const page = await query(bob, { limit: 3, filter, ...(since !== undefined && { since }) });
        assert.ok(chunkOf(page).length <= 3);
        pages.push(page);
        since = optionalText(page.body, 'next_batch');
      } while (since !== undefined);
      const seen = pages.flatMap(idsOf);
      assert.equal(new Set(seen).size, seen.length, 'no room is told twice');
      const own = seen.filter((id) => made.includes(id));
      assert.deepEqual(own, [largest, ...made.filter((id) => id !== largest).toReversed()]);
      const counts = pages.flatMap(chunkOf).map((room) => Number(room['num_joined_members']));
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => b - a),
      );
      assert.equal(optionalText(pages[0]?.body ?? {}, 'prev_batch'), undefined, 'before the first page is nothing');
      if (term === undefined) assert.equal(pages[0]?.body['total_room_count_estimate'], seen.length);
      for (let at = pages.length - 1; at > 0; at -= 1) {
        const back = text(pages[at]?.body ?? {}, 'prev_batch');
        const before = await query(bob, { limit: 3, filter, since: back });
        const expected = pages[at - 1];
        assert.ok(expected !== undefined);
        assert.deepEqual(idsOf(before), idsOf(expected), 'the page before is the one that was');
      }
    }
  });

  it('has no rooms of other networks', async () => {
    const [alice] = await server.newUsers('alice');
    await alice.createRoom({ visibility: 'public' });
    assert.deepEqual(idsOf(await query(alice, { third_party_instance_id: 'irc-example' })), []);
    assert.ok(idsOf(await query(alice, { include_all_networks: true })).length > 0);
    const both = { third_party_instance_id: 'irc-example', include_all_networks: true };
    assertError(await query(alice, both), 400, 'M_INVALID_PARAM');
  });

  it('refuses tokens that are none, and servers that cannot be asked', async () => {
    const [alice] = await server.newUsers('alice');
    assertError(await query(alice, { since: 'nonsense' }), 400, 'M_INVALID_PARAM');
    assertError(await query(alice, { limit: -1 }), 400, 'M_INVALID_PARAM');
    assertError(await anonymous('/publicRooms?server=localhost:1'), 502, 'M_UNKNOWN');
    assertError(await anonymous('/publicRooms?server=not_a_name'), 400, 'M_INVALID_PARAM');
    assert.equal((await anonymous('/publicRooms?server=hs1.test&limit=1')).status, 200);
  });

  it('V51: forgets what was redacted, and not what was said since', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [first, second] = [uniqueName('first'), uniqueName('second')];
    const roomId = await alice.createRoom({ visibility: 'public' });
    await bob.join(roomId);
    const named = await alice.setState(roomId, 'm.room.name', { name: first });
    const topic = await alice.setState(roomId, 'm.room.topic', { topic: `about ${first}` });
    await alice.redact(roomId, topic);
    assert.equal(chunkOf(await search(bob, first))[0]?.['topic'], undefined);
    await alice.setState(roomId, 'm.room.name', { name: second });
    await alice.redact(roomId, named);
    assert.equal(chunkOf(await search(bob, second))[0]?.['name'], second);
    const now = await alice.setState(roomId, 'm.room.name', { name: first });
    assert.deepEqual(idsOf(await search(bob, first)), [roomId]);
    await alice.redact(roomId, now);
    assert.deepEqual(idsOf(await search(bob, first)), []);
    assert.deepEqual(await bob.getState(roomId, 'm.room.name'), {});
  });
});

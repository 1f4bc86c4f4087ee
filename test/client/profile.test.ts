/** Owns the tests of profiles. Specification: "Profiles", "Events on Change of Profile Information". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('profiles', () => {
  const server = useSuiteServer();

  const path = (user: MatrixHttp, key: string): string => `/profile/${encode(user.userId)}/${encode(key)}`;
  const put = (user: MatrixHttp, key: string, value: unknown): Promise<Answer> =>
    user.raw('PUT', path(user, key), { body: { [key]: value } });
  /** As somebody without a session sees it. */
  const profileOf = async (user: MatrixHttp): Promise<JsonObject> =>
    (await request(server.baseUrl, 'GET', `/_matrix/client/v3/profile/${encode(user.userId)}`)).body;
  const set = async (user: MatrixHttp, key: string, value: unknown): Promise<void> => {
    const answer = await put(user, key, value);
    assert.deepEqual([answer.status, answer.body], [200, {}], answer.bodyText);
  };

  /** Waits in /sync until a member event of the user has come to the room, and gives its content. */
  async function awaitMember(reader: MatrixHttp, since: string, roomId: string, userId: string): Promise<JsonObject> {
    let token = since;
    for (let tries = 0; tries < 20; tries++) {
      const answer = await reader.sync({ since: token, timeout: 5_000 });
      const events = answer.join.get(roomId)?.timeline ?? [];
      const member = events.find((event) => event.type === 'm.room.member' && event.state_key === userId);
      if (member !== undefined) return member.content;
      token = answer.nextBatch;
    }
    throw new Error('No member event came.');
  }

  it('are seen by everybody, and their names by whoever shares a room, in /sync', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(roomId);
    const { nextBatch: since } = await bob.sync();
    await set(alice, 'displayname', 'Alice Margatroid');
    assert.deepEqual(await profileOf(alice), { displayname: 'Alice Margatroid' });
    const named = await awaitMember(bob, since, roomId, alice.userId);
    assert.deepEqual(named, { membership: 'join', displayname: 'Alice Margatroid' });
    const { nextBatch: then } = await bob.sync();
    await set(alice, 'avatar_url', 'mxc://hs1.test/alice');
    const pictured = await awaitMember(bob, then, roomId, alice.userId);
    assert.deepEqual(pictured, { ...named, avatar_url: 'mxc://hs1.test/alice' });
    assert.deepEqual(await bob.getState(roomId, 'm.room.member', alice.userId), pictured);
    const field = await bob.raw('GET', path(alice, 'displayname'));
    assert.deepEqual(field.body, { displayname: 'Alice Margatroid' });
  });

  it('go with invitations and joins', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await set(bob, 'displayname', 'Bob');
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    assert.equal((await alice.getState(roomId, 'm.room.member', bob.userId))['displayname'], 'Bob');
    await bob.join(roomId);
    assert.equal((await alice.getState(roomId, 'm.room.member', bob.userId))['displayname'], 'Bob');
  });

  it('send an event for a real change only, to every room, however many they are', async () => {
    const [alice] = await server.newUsers('alice');
    const rooms: string[] = [];
    for (let count = 0; count < 52; count++) rooms.push(await alice.createRoom());
    await set(alice, 'displayname', 'First');
    await set(alice, 'displayname', 'First');
    await set(alice, 'm.tz', 'Europe/London');
    await set(alice, 'displayname', 'Second');
    const nameIn = async (roomId: string): Promise<unknown> =>
      (await alice.getState(roomId, 'm.room.member', alice.userId))['displayname'];
    for (const roomId of rooms) {
      let name = await nameIn(roomId);
      for (const deadline = Date.now() + 20_000; name !== 'Second' && Date.now() < deadline;)
        name = await nameIn(roomId);
      assert.equal(name, 'Second');
    }
    const history = await alice.getHistory(rooms[0] ?? '');
    const names = history.filter(({ type }) => type === 'm.room.member').map(({ content }) => content['displayname']);
    assert.equal(new Set(names).size, names.length, `no two events alike: ${names.join(', ')}`);
    assert.equal(names.at(-1), 'Second');
  });

  it('lose a name or an avatar that is emptied or deleted', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(roomId);
    await set(alice, 'displayname', 'Alice');
    await set(alice, 'avatar_url', 'mxc://hs1.test/alice');
    await set(alice, 'displayname', '');
    const { nextBatch: since } = await bob.sync();
    const deleted = await alice.raw('DELETE', path(alice, 'avatar_url'));
    assert.deepEqual([deleted.status, deleted.body], [200, {}]);
    assert.deepEqual(await profileOf(alice), {});
    assertError(await bob.raw('GET', path(alice, 'avatar_url')), 404, 'M_NOT_FOUND');
    let content = await awaitMember(bob, since, roomId, alice.userId);
    if (content['avatar_url'] !== undefined) content = await awaitMember(bob, since, roomId, alice.userId);
    const untilPlain = async (): Promise<JsonObject> => bob.getState(roomId, 'm.room.member', alice.userId);
    for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
      content = await untilPlain();
      if (Object.keys(content).length === 1) break;
    }
    assert.deepEqual(content, { membership: 'join' });
  });

  it('hold fields of any kind, also under the prefix that clients used before', async () => {
    const [alice] = await server.newUsers('alice');
    await set(alice, 'm.tz', 'Europe/London');
    await set(alice, 'org.example.pronouns', [{ language: 'en', value: 'she/her' }]);
    await set(alice, 'org.example.nothing', null);
    const unstable = `/_matrix/client/unstable/uk.tcpip.msc4133${path(alice, 'org.example.job')}`;
    const { accessToken: token } = alice;
    const body = { 'org.example.job': { title: 'Puppeteer' } };
    assert.equal((await request(server.baseUrl, 'PUT', unstable, { token, body })).status, 200);
    assert.deepEqual(await profileOf(alice), {
      'm.tz': 'Europe/London',
      'org.example.pronouns': [{ language: 'en', value: 'she/her' }],
      'org.example.nothing': null,
      ...body,
    });
    assert.equal((await alice.raw('DELETE', path(alice, 'm.tz'))).status, 200);
    assert.equal((await alice.raw('DELETE', path(alice, 'm.tz'))).status, 200, 'it is gone already');
    assert.equal((await profileOf(alice))['m.tz'], undefined);
  });

  it('are changed by their user alone, within limits', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const theirs = { body: { displayname: 'Mallory' } };
    assertError(await bob.raw('PUT', path(alice, 'displayname'), theirs), 403, 'M_FORBIDDEN');
    assertError(await bob.raw('DELETE', path(alice, 'displayname')), 403, 'M_FORBIDDEN');
    assertError(await alice.raw('PUT', path(alice, 'displayname'), { body: { other: 1 } }), 400, 'M_MISSING_PARAM');
    assertError(await alice.raw('PUT', path(alice, 'displayname'), { rawBody: '{' }), 400, 'M_NOT_JSON');
    for (const value of [null, 7, {}, ['x']]) assertError(await put(alice, 'displayname', value), 400, 'M_BAD_JSON');
    for (const value of ['x\0y', 'x'.repeat(257)]) {
      assertError(await put(alice, 'displayname', value), 400, 'M_INVALID_PARAM');
    }
    const lone = { rawBody: String.raw`{"displayname":"\ud800"}` };
    assertError(await alice.raw('PUT', path(alice, 'displayname'), lone), 400);
    for (const key of ['name', 'Org.example', '__proto__', 'a..b', 'a b.c', '.a']) {
      assertError(await put(alice, key, 'x'), 400, 'M_INVALID_PARAM', 'M_MISSING_PARAM');
    }
    assertError(await put(alice, `a.${'b'.repeat(254)}`, 'x'), 400, 'M_KEY_TOO_LARGE');
    await set(alice, 'org.example.half', 'x'.repeat(40_000));
    assertError(await put(alice, 'org.example.other', 'x'.repeat(40_000)), 400, 'M_PROFILE_TOO_LARGE');
    assert.deepEqual(Object.keys(await profileOf(alice)), ['org.example.half']);
  });
});

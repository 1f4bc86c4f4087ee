/** Owns the tests of the user directory. Specification: "User Directory". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { confirmed } from '#test/support/confirmed.ts';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const search = (user: MatrixHttp, term: string, limit?: number): Promise<Answer> =>
  user.raw('POST', '/user_directory/search', { body: { search_term: term, limit } });

const found = async (user: MatrixHttp, term: string, limit?: number): Promise<unknown[]> => {
  const { body } = await search(user, term, limit);
  return asArray(body['results'], 'results').map((result) => asObject(result, 'a result')['user_id']);
};

const setName = async (user: MatrixHttp, displayname: string): Promise<void> => {
  const path = `/profile/${encode(user.userId)}/displayname`;
  assert.equal((await user.raw('PUT', path, { body: { displayname } })).status, 200);
};

describe('the user directory', () => {
  const server = useSuiteServer();

  it('finds whoever shares a room, and nobody else (V51)', async () => {
    const [alice, bob, eve] = await server.newUsers('alice', 'bob', 'eve');
    await setName(bob, 'Robert Quixote');
    assert.deepEqual(await found(alice, 'quixote'), [], 'they share no room');
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    assert.deepEqual(await found(alice, 'quixote'), [], 'an invitation is not a room in common');
    await bob.join(roomId);
    assert.deepEqual((await search(alice, 'quixote')).body, {
      results: [{ user_id: bob.userId, display_name: 'Robert Quixote' }],
      limited: false,
    });
    assert.deepEqual(await found(eve, 'quixote'), []);
    assert.deepEqual(await found(bob, 'quixote'), [], 'nobody finds oneself');
    await bob.leave(roomId);
    assert.deepEqual(await found(alice, 'quixote'), []);
  });

  it('finds whoever is in a room that is public or readable by the world', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    await setName(bob, 'Publius');
    await setName(carol, 'Publilius');
    assert.deepEqual(await found(alice, 'publ'), []);
    await bob.createRoom({ preset: 'public_chat' });
    const roomId = await carol.createRoom();
    await carol.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' });
    assert.deepEqual(new Set(await found(alice, 'publ')), new Set([bob.userId, carol.userId]));
    await carol.setState(roomId, 'm.room.history_visibility', { history_visibility: 'shared' });
    assert.deepEqual(await found(alice, 'publ'), [bob.userId]);
  });

  it('compares the beginnings of words without case and accents, of names and of user ids', async () => {
    const [alice, bob] = await server.newUsers('alice', 'zebedee');
    await bob.createRoom({ preset: 'public_chat' });
    await setName(bob, 'Åsa Müller-Straße 田中太郎');
    const localpart = bob.userId.slice(1, bob.userId.indexOf(':'));
    for (const term of [
      'asa',
      'ÅSA',
      'mull',
      'MÜLLER',
      'strass',
      'asa mül',
      'zebe',
      '@zebe',
      localpart,
      bob.userId,
      '田中',
    ]) {
      assert.deepEqual(await found(alice, term), [bob.userId], term);
    }
    for (const term of ['uller', 'asa nobody', '%', '_', "'", '\\', '', ' ', '@', '.*']) {
      const results = await found(alice, term);
      assert.ok(!results.includes(bob.userId), JSON.stringify(term));
    }
  });

  it('forgets former names, names of rooms, and users who are gone', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await bob.createRoom({ preset: 'public_chat' });
    await setName(bob, 'Formername');
    await setName(bob, 'Lattername');
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Privatename' }, bob.userId);
    assert.deepEqual(await found(alice, 'formername'), []);
    assert.deepEqual(await found(alice, 'privatename'), []);
    assert.deepEqual(await found(alice, 'lattername'), [bob.userId]);
    assert.equal((await confirmed(bob, 'POST', '/account/deactivate')).status, 200);
    assert.deepEqual(await found(alice, 'lattername'), []);
  });

  it('gives as many as are asked for, and says whether there are more', async () => {
    const [alice, ...others] = await server.newUsers('alice', 'many', 'many', 'many');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    for (const [index, other] of others.entries()) {
      await other.join(roomId);
      await setName(other, `Manifold ${index}`);
    }
    const two = await search(alice, 'manifold', 2);
    assert.deepEqual([asArray(two.body['results'], 'results').length, two.body['limited']], [2, true]);
    const three = await search(alice, 'manifold', 3);
    assert.deepEqual([asArray(three.body['results'], 'results').length, three.body['limited']], [3, false]);
    assertError(await search(alice, 'manifold', 0), 400);
    assertError(await search(alice, 'x'.repeat(1_001)), 400);
  });
});

describe('the user directory of a server that shows all users', () => {
  const server = useSuiteServer({ CAUSEWAY_USER_DIRECTORY_SEARCH_ALL_USERS: 'true' });

  it('finds users of no common room', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await setName(bob, 'Hermit');
    assert.deepEqual(await found(alice, 'hermit'), [bob.userId]);
  });
});

/** Owns the tests of GET /members. Specification: "Getting events for a room". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp, type Query } from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('members', () => {
  const server = useSuiteServer();

  /** Alice's room: Bob joined, Carol is invited, Dave left, Erin is banned. */
  const crowd = async (): Promise<[string, MatrixHttp[]]> => {
    const [alice, bob, carol, dave, erin] = await server.newUsers('alice', 'bob', 'carol', 'dave', 'erin');
    const roomId = await alice.createRoom({ preset: 'public_chat', invite: [carol.userId] });
    for (const user of [bob, dave, erin]) await user.join(roomId);
    await dave.leave(roomId);
    await alice.setState(roomId, 'm.room.member', { membership: 'ban' }, erin.userId);
    return [roomId, [alice, bob, carol, dave, erin]];
  };
  const listed = async (reader: MatrixHttp, roomId: string, query?: Query): Promise<string[]> =>
    (await reader.getMembers(roomId, query))
      .map((event) => {
        assert.equal(event.type, 'm.room.member');
        assert.equal(event.room_id, roomId);
        return `${String(event.state_key).replace(/^@([a-z]+)-.*/, '$1')} ${String(event.content['membership'])}`;
      })
      .toSorted();

  it('lists everybody with a membership, once', async () => {
    const [roomId, [alice, bob]] = await crowd();
    assert.ok(alice && bob);
    const all = ['alice join', 'bob join', 'carol invite', 'dave leave', 'erin ban'];
    assert.deepEqual(await listed(alice, roomId), all);
    assert.deepEqual(await listed(bob, roomId), all);
  });

  it('filters by membership, by not_membership, and by either of both', async () => {
    const [roomId, [alice]] = await crowd();
    assert.ok(alice);
    assert.deepEqual(await listed(alice, roomId, { membership: 'join' }), ['alice join', 'bob join']);
    assert.deepEqual(await listed(alice, roomId, { membership: 'ban' }), ['erin ban']);
    assert.deepEqual(await listed(alice, roomId, { membership: 'knock' }), []);
    const notLeft = ['alice join', 'bob join', 'carol invite', 'erin ban'];
    assert.deepEqual(await listed(alice, roomId, { not_membership: 'leave' }), notLeft);
    const either = await listed(alice, roomId, { membership: 'leave', not_membership: 'join' });
    assert.deepEqual(either, ['carol invite', 'dave leave', 'erin ban']);
  });

  it('refuses a membership that there is not', async () => {
    const [roomId, [alice]] = await crowd();
    const answer = await alice?.raw('GET', `/rooms/${encode(roomId)}/members`, { query: { membership: 'wizard' } });
    assert.ok(answer);
    assertError(answer, 400, 'M_INVALID_PARAM', 'M_BAD_JSON');
  });

  it('answers for the moment of a token', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const at = (await alice.sync()).nextBatch;
    await bob.join(roomId);
    assert.deepEqual(await listed(alice, roomId, { at }), ['alice join']);
    // Where the timeline begins with the room, nobody was there yet: its creator is meant.
    const start = (await alice.sync()).join.get(roomId)?.prevBatch;
    assert.deepEqual(await listed(alice, roomId, { at: start }), ['alice join']);
    assert.deepEqual(await listed(alice, roomId), ['alice join', 'bob join']);
    const answer = await alice.raw('GET', `/rooms/${encode(roomId)}/members`, { query: { at: 'nonsense' } });
    assertError(answer, 400, 'M_INVALID_PARAM', 'M_UNKNOWN');
  });

  it('shows somebody who left the members as of then', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    await bob.leave(roomId);
    await carol.join(roomId);
    assert.deepEqual(await listed(bob, roomId), ['alice join', 'bob leave']);
    assert.deepEqual(await listed(carol, roomId), ['alice join', 'bob leave', 'carol join']);
  });

  it('is closed to those outside and to the invited', async () => {
    const [roomId, [, , carol]] = await crowd();
    const [stranger] = await server.newUsers('stranger');
    for (const user of [stranger, carol]) {
      assert.ok(user);
      assertError(await user.raw('GET', `/rooms/${encode(roomId)}/members`), 403, 'M_FORBIDDEN');
    }
  });
});

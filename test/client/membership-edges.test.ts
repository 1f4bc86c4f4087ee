/** Owns the tests of memberships that follow upon one another in odd orders. Specification: "Room membership". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('memberships', () => {
  const server = useSuiteServer();

  const act = (user: MatrixHttp, roomId: string, verb: string, target: MatrixHttp, reason?: string): Promise<Answer> =>
    user.raw('POST', `/rooms/${encode(roomId)}/${verb}`, { body: { user_id: target.userId, reason } });
  const own = (user: MatrixHttp, roomId: string, verb: string, reason?: string): Promise<Answer> =>
    user.raw('POST', `/rooms/${encode(roomId)}/${verb}`, { body: { reason } });
  const memberOf = (reader: MatrixHttp, roomId: string, user: MatrixHttp): Promise<JsonObject> =>
    reader.getState(roomId, 'm.room.member', user.userId);

  it('a ban ends an invitation, and an unban does not bring it back', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    await act(alice, roomId, 'invite', bob, 'Welcome');
    assert.equal((await memberOf(alice, roomId, bob))['reason'], 'Welcome');
    const { nextBatch } = await bob.sync();
    assert.equal((await act(alice, roomId, 'ban', bob, 'Changed my mind')).status, 200);
    const sync = await bob.sync({ since: nextBatch });
    assert.ok(sync.leave.has(roomId));
    assert.equal((await bob.sync()).invite.size, 0);
    assertError(await own(bob, roomId, 'join'), 403, 'M_FORBIDDEN');
    assertError(await act(alice, roomId, 'invite', bob), 403, 'M_FORBIDDEN');
    assert.equal((await act(alice, roomId, 'unban', bob, 'Once more')).status, 200);
    assert.deepEqual(await memberOf(alice, roomId, bob), { membership: 'leave', reason: 'Once more' });
    assertError(await own(bob, roomId, 'join'), 403, 'M_FORBIDDEN');
    await act(alice, roomId, 'invite', bob);
    assert.equal((await own(bob, roomId, 'join', 'Back')).status, 200);
    assert.equal((await memberOf(alice, roomId, bob))['reason'], 'Back');
  });

  it('an invitation is taken back by a kick, and rejected by leaving with a reason', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    await act(alice, roomId, 'invite', bob);
    assert.equal((await act(alice, roomId, 'kick', bob)).status, 200);
    assertError(await own(bob, roomId, 'join'), 403, 'M_FORBIDDEN');
    await act(alice, roomId, 'invite', bob);
    assert.equal((await own(bob, roomId, 'leave', 'No, thanks')).status, 200);
    assert.deepEqual(await memberOf(alice, roomId, bob), { membership: 'leave', reason: 'No, thanks' });
    assert.equal((await bob.sync()).invite.size, 0);
  });

  it('nobody invites themselves, those who are in, or from outside', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    assertError(await act(bob, roomId, 'invite', bob), 403, 'M_FORBIDDEN');
    await bob.join(roomId);
    assertError(await act(alice, roomId, 'invite', alice), 403, 'M_FORBIDDEN');
    assertError(await act(alice, roomId, 'invite', bob), 403, 'M_FORBIDDEN');
  });

  it('equal power neither kicks nor bans, and less than the level of a ban lifts none', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      room_version: '11',
      power_level_content_override: { users: { [alice.userId]: 100, [bob.userId]: 50 }, kick: 50, ban: 60 },
    });
    await bob.join(roomId);
    await carol.join(roomId);
    assertError(await act(bob, roomId, 'kick', alice), 403, 'M_FORBIDDEN');
    assertError(await act(bob, roomId, 'ban', carol), 403, 'M_FORBIDDEN');
    const levels = await alice.getState(roomId, 'm.room.power_levels');
    const users = { [alice.userId]: 100, [bob.userId]: 50, [carol.userId]: 50 };
    await alice.setState(roomId, 'm.room.power_levels', { ...levels, users });
    assertError(await act(bob, roomId, 'kick', carol), 403, 'M_FORBIDDEN');
    assert.equal((await act(alice, roomId, 'ban', carol)).status, 200);
    assertError(await act(bob, roomId, 'unban', carol), 403, 'M_FORBIDDEN');
    assertError(await act(bob, roomId, 'kick', carol), 403, 'M_FORBIDDEN');
  });

  it('who comes back sees what happened meanwhile where history is shared, and not where it is for those who are in', async () => {
    for (const [visibility, isSeen] of [
      ['shared', true],
      ['joined', false],
    ] as const) {
      const [alice, bob] = await server.newUsers('alice', 'bob');
      const content = { history_visibility: visibility };
      const roomId = await alice.createRoom({
        preset: 'public_chat',
        initial_state: [{ type: 'm.room.history_visibility', content }],
      });
      await bob.join(roomId);
      const first = await alice.sendText(roomId, 'first');
      await bob.leave(roomId);
      const between = await alice.sendText(roomId, 'between');
      const seenOutside = (await bob.getHistory(roomId)).map((event) => event.event_id);
      assert.deepEqual([seenOutside.includes(first), seenOutside.includes(between)], [true, false]);
      await bob.join(roomId);
      const seen = (await bob.getHistory(roomId)).map((event) => event.event_id);
      assert.deepEqual([seen.includes(first), seen.includes(between)], [true, isSeen]);
      const answer = await bob.raw('GET', `/rooms/${encode(roomId)}/event/${encode(between)}`);
      assert.equal(answer.status, isSeen ? 200 : 404);
    }
  });

  it('a join says besides what the user adds, but never whose membership it is or who vouches for it', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const body = { 'org.example.mood': 'glad', membership: 'ban', join_authorised_via_users_server: alice.userId };
    assert.equal((await bob.raw('POST', `/join/${encode(roomId)}`, { body })).status, 200);
    assert.deepEqual(await memberOf(alice, roomId, bob), { 'org.example.mood': 'glad', membership: 'join' });
    const odd = await bob.raw('POST', `/join/${encode(roomId)}`, { body: { 'org.example.mood': 1.5 } });
    assertError(odd, 400, 'M_BAD_JSON');
  });
});

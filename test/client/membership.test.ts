/** Owns the tests of inviting, joining, leaving, kicking and banning. Specification: "Room membership". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('membership', () => {
  const server = useSuiteServer();

  const membershipOf = async (reader: MatrixHttp, roomId: string, user: MatrixHttp): Promise<unknown> =>
    (await reader.getMembers(roomId)).find((event) => event.state_key === user.userId)?.content['membership'];
  const tryToJoin = (user: MatrixHttp, roomId: string): Promise<Answer> =>
    user.raw('POST', `/rooms/${encode(roomId)}/join`, { body: {} });
  const tryToInvite = (user: MatrixHttp, roomId: string, userId: unknown): Promise<Answer> =>
    user.raw('POST', `/rooms/${encode(roomId)}/invite`, { body: { user_id: userId } });
  const tryToSend = (user: MatrixHttp, roomId: string): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/send/m.room.message/${uniqueName('t')}`, {
      body: { msgtype: 'm.text', body: 'Hello' },
    });
  const trySetMembership = (user: MatrixHttp, roomId: string, whose: MatrixHttp, membership: string): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/state/m.room.member/${encode(whose.userId)}`, { body: { membership } });

  /** A room of Alice in which Bob is too. */
  const together = async (body = {}): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ ...body, invite: [bob.userId] });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };

  it('lets somebody in who is invited, and shows it to everybody', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    assertError(await tryToJoin(bob, roomId), 403, 'M_FORBIDDEN');
    await alice.invite(roomId, bob.userId);
    assert.equal(await membershipOf(alice, roomId, bob), 'invite');
    assertError(await tryToSend(bob, roomId), 403, 'M_FORBIDDEN');
    await bob.join(roomId);
    assert.equal(await membershipOf(bob, roomId, bob), 'join');
    const eventId = await bob.sendText(roomId, 'I am in');
    assert.equal((await alice.getHistory(roomId)).at(-1)?.event_id, eventId);
  });

  it('lets anybody into a public room, also through /join/{roomIdOrAlias}', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const answer = await carol.raw('POST', `/join/${encode(roomId)}`, { body: {} });
    assert.equal(answer.status, 200, answer.bodyText);
    assert.equal(answer.body['room_id'], roomId);
    assert.equal((await alice.getMembers(roomId, { membership: 'join' })).length, 3);
  });

  it('answers a second invitation and a second join with success', async () => {
    const [roomId, , bob] = await together();
    assert.equal((await tryToJoin(bob, roomId)).status, 200);
    assert.equal(await membershipOf(bob, roomId, bob), 'join');
    const [alice, carol] = await server.newUsers('alice', 'carol');
    const other = await alice.createRoom({ invite: [carol.userId] });
    assert.equal((await tryToInvite(alice, other, carol.userId)).status, 200, 'already invited is a success');
    assert.equal(await membershipOf(alice, other, carol), 'invite');
  });

  it('refuses invitations that may not be', async () => {
    const [roomId, alice, bob] = await together({ power_level_content_override: { invite: 50 } });
    const [carol, dave] = await server.newUsers('carol', 'dave');
    assertError(await tryToInvite(alice, roomId, bob.userId), 403, 'M_FORBIDDEN');
    assertError(await tryToInvite(bob, roomId, dave.userId), 403, 'M_FORBIDDEN');
    assertError(await tryToInvite(carol, roomId, dave.userId), 403, 'M_FORBIDDEN');
    assertError(await tryToInvite(carol, roomId, carol.userId), 403, 'M_FORBIDDEN');
    assertError(await tryToInvite(alice, roomId, 'not a user id'), 400);
    assertError(await tryToInvite(alice, roomId, undefined), 400, 'M_MISSING_PARAM', 'M_BAD_JSON');
    assert.equal(await membershipOf(alice, roomId, bob), 'join');
    assert.equal(await membershipOf(alice, roomId, dave), undefined);
  });

  it('answers the same for a closed room and for one that does not exist', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const closed = await alice.createRoom();
    const missing = `!${'A'.repeat(43)}`;
    assertError(await tryToSend(bob, closed), 403, 'M_FORBIDDEN');
    const answer = await tryToSend(bob, missing);
    assert.ok(answer.status === 403 || answer.status === 404, answer.bodyText);
    const join = await tryToJoin(bob, missing);
    assert.ok(join.status === 403 || join.status === 404, join.bodyText);
  });

  it('takes the word of somebody who leaves, and asks for a new invitation', async () => {
    const [roomId, alice, bob] = await together();
    await bob.leave(roomId);
    assert.equal(await membershipOf(alice, roomId, bob), 'leave');
    assertError(await tryToSend(bob, roomId), 403, 'M_FORBIDDEN');
    assertError(await tryToJoin(bob, roomId), 403, 'M_FORBIDDEN');
    await alice.invite(roomId, bob.userId);
    await bob.join(roomId);
    assert.equal(await membershipOf(alice, roomId, bob), 'join');
  });

  it('lets somebody reject an invitation', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    await bob.leave(roomId);
    assert.equal(await membershipOf(alice, roomId, bob), 'leave');
    assertError(await tryToJoin(bob, roomId), 403, 'M_FORBIDDEN');
    assert.ok(!(await bob.sync()).invite.has(roomId));
  });

  it('keeps the reason that is given', async () => {
    const [roomId, alice, bob] = await together();
    await bob.raw('POST', `/rooms/${encode(roomId)}/leave`, { body: { reason: 'Lunch' } });
    const own = (await alice.getMembers(roomId)).find((event) => event.state_key === bob.userId);
    assert.equal(own?.content['reason'], 'Lunch');
  });

  it('lets the powerful kick and ban, and bans keep out', async () => {
    const [roomId, alice, bob] = await together();
    assert.equal((await trySetMembership(alice, roomId, bob, 'leave')).status, 200);
    assertError(await tryToSend(bob, roomId), 403, 'M_FORBIDDEN');
    assert.equal((await trySetMembership(alice, roomId, bob, 'ban')).status, 200);
    assert.equal(await membershipOf(alice, roomId, bob), 'ban');
    assertError(await tryToInvite(alice, roomId, bob.userId), 403, 'M_FORBIDDEN');
    assertError(await tryToJoin(bob, roomId), 403, 'M_FORBIDDEN');
    const leaving = await bob.raw('POST', `/rooms/${encode(roomId)}/leave`, { body: {} });
    assert.ok(leaving.status !== 200 || (await membershipOf(alice, roomId, bob)) === 'ban', 'a ban is not left');
    assert.equal((await trySetMembership(alice, roomId, bob, 'leave')).status, 200);
    await alice.invite(roomId, bob.userId);
    await bob.join(roomId);
    assert.equal(await membershipOf(alice, roomId, bob), 'join');
  });

  for (const version of ['10', '12']) {
    it(`lets nobody kick or ban without the power for it in version ${version}`, async () => {
      const [roomId, alice, bob] = await together({ preset: 'public_chat', room_version: version });
      const [carol] = await server.newUsers('carol');
      await carol.join(roomId);
      for (const membership of ['leave', 'ban']) {
        assertError(await trySetMembership(bob, roomId, carol, membership), 403, 'M_FORBIDDEN');
        assertError(await trySetMembership(bob, roomId, alice, membership), 403, 'M_FORBIDDEN');
      }
      const joined = await alice.getMembers(roomId, { membership: 'join' });
      assert.equal(joined.length, 3);
    });
  }

  it('lets nobody kick an equal in version 10, nor a creator in version 12', async () => {
    const [oldRoom, alice, bob] = await together({ room_version: '10' });
    const levels = await alice.getState(oldRoom, 'm.room.power_levels');
    await alice.setState(oldRoom, 'm.room.power_levels', {
      ...levels,
      users: { [alice.userId]: 100, [bob.userId]: 100 },
    });
    assertError(await trySetMembership(alice, oldRoom, bob, 'leave'), 403, 'M_FORBIDDEN');
    assert.equal(await membershipOf(alice, oldRoom, bob), 'join');
    const [newRoom, carol, dave] = await together({ room_version: '12' });
    const newLevels = await carol.getState(newRoom, 'm.room.power_levels');
    await carol.setState(newRoom, 'm.room.power_levels', { ...newLevels, users: { [dave.userId]: 2 ** 53 - 1 } });
    assertError(await trySetMembership(dave, newRoom, carol, 'leave'), 403, 'M_FORBIDDEN');
    assert.equal(await membershipOf(carol, newRoom, carol), 'join');
  });

  it('lets nobody join for somebody else', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    await alice.invite(roomId, carol.userId);
    assertError(await trySetMembership(alice, roomId, carol, 'join'), 403, 'M_FORBIDDEN');
    assertError(await trySetMembership(bob, roomId, carol, 'join'), 403, 'M_FORBIDDEN');
    assert.equal(await membershipOf(alice, roomId, carol), 'invite');
    const strange = await trySetMembership(alice, roomId, carol, 'no-such-membership');
    assert.ok(strange.status === 400 || strange.status === 403, strange.bodyText);
    assert.equal(await membershipOf(alice, roomId, carol), 'invite');
  });

  it('shows a room to its members only', async () => {
    const [roomId, , bob] = await together({ name: 'Secret' });
    const [carol] = await server.newUsers('carol');
    for (const path of ['/state', '/members', '/messages?dir=b', '/state/m.room.name/']) {
      assertError(await carol.raw('GET', `/rooms/${encode(roomId)}${path}`), 403, 'M_FORBIDDEN');
      assert.equal((await bob.raw('GET', `/rooms/${encode(roomId)}${path}`)).status, 200);
    }
  });
});

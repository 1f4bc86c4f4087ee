/** Owns the tests of blocking invitations. Specification: Client-Server API, "Invite permission". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('invitations', () => {
  const server = useSuiteServer();

  const configure = async (user: MatrixHttp, body: JsonObject): Promise<void> => {
    const path = `/user/${encode(user.userId)}/account_data/m.invite_permission_config`;
    assert.equal((await user.raw('PUT', path, { body })).status, 200);
  };

  it('do not reach whoever blocks them, by whatever way they are sent, and do again afterwards', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const before = await alice.createRoom({ invite: [bob.userId] });
    assert.ok((await bob.sync()).invite.has(before));
    await configure(bob, { default_action: 'block' });
    const roomId = await alice.createRoom();
    const invite = { user_id: bob.userId };
    assertError(await alice.raw('POST', `/rooms/${encode(roomId)}/invite`, { body: invite }), 403, 'M_INVITE_BLOCKED');
    assertError(await alice.raw('POST', '/createRoom', { body: { invite: [bob.userId] } }), 403, 'M_INVITE_BLOCKED');
    const path = `/rooms/${encode(roomId)}/state/m.room.member/${encode(bob.userId)}`;
    assertError(await alice.raw('PUT', path, { body: { membership: 'invite' } }), 403, 'M_INVITE_BLOCKED');
    assert.equal((await bob.sync()).invite.size, 0, 'what came before is not shown either');
    const members = await alice.getMembers(before, { membership: 'invite' });
    assert.equal(members.length, 1, 'but the room knows of it');
    for (const config of [{ default_action: 'something else' }, {}]) {
      await configure(bob, config);
      assert.ok((await bob.sync()).invite.has(before));
    }
    await alice.invite(roomId, bob.userId);
    await bob.join(roomId);
  });
});

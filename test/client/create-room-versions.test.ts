/** Owns the tests that every preset makes its room in every version. Specification: "Creation", and "Room Versions". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, findState } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const versions = Array.from({ length: 12 }, (_, index) => String(index + 1));
const joinRules = { private_chat: 'invite', trusted_private_chat: 'invite', public_chat: 'public' } as const;

describe('every preset', () => {
  const server = useSuiteServer();

  const setName = (user: MatrixHttp, roomId: string, name: string): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/state/m.room.name`, { body: { name } });

  for (const version of versions) {
    it(`makes a room of version ${version}, in the order of the specification, and gives power to whom it should`, async () => {
      const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
      for (const [preset, joinRule] of Object.entries(joinRules)) {
        const what = `${preset} of version ${version}`;
        const roomId = await alice.createRoom({
          room_version: version,
          preset,
          invite: [bob.userId],
          creation_content: { additional_creators: [carol.userId] },
          power_level_content_override: { invite: 7 },
          initial_state: [
            { type: 'org.example.second', content: {} },
            { type: 'org.example.first', state_key: 'key', content: {} },
          ],
        });
        const history = await alice.getHistory(roomId);
        assert.deepEqual(
          history.map(({ type, state_key: key }) => `${type} ${key}`),
          [
            'm.room.create ',
            `m.room.member ${alice.userId}`,
            'm.room.power_levels ',
            'm.room.join_rules ',
            'm.room.history_visibility ',
            'm.room.guest_access ',
            'org.example.second ',
            'org.example.first key',
            `m.room.member ${bob.userId}`,
          ],
          what,
        );
        assert.equal(findState(history, 'm.room.join_rules')?.content['join_rule'], joinRule, what);
        const levels = findState(history, 'm.room.power_levels')?.content ?? {};
        assert.equal(levels['invite'], 7);
        const isTrusted = preset === 'trusted_private_chat';
        const hasCreators = version === '12';
        const users = asObject(levels['users'], 'users');
        const listed = isTrusted ? [alice.userId, bob.userId] : [alice.userId];
        assert.deepEqual(users, hasCreators ? {} : Object.fromEntries(listed.map((user) => [user, 100])), what);
        await bob.join(roomId);
        assert.equal((await setName(bob, roomId, 'by Bob')).status, isTrusted ? 200 : 403, what);
        if (joinRule !== 'public') continue;
        await carol.join(roomId);
        assert.equal((await setName(carol, roomId, 'by Carol')).status, hasCreators ? 200 : 403, what);
      }
    });
  }
});

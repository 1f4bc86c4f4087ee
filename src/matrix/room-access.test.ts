/** Owns the proof of who may take part in a room and see its events: access lists, history visibility, signers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyVisibilityOf, isEventVisible, type VisibilityFacts } from '#matrix/history-visibility.ts';
import type { JsonObject, Pdu } from '#matrix/pdu.ts';
import { authorisingServer, requiredSigners } from '#matrix/required-signers.ts';
import { findRoomVersion, roomVersions } from '#matrix/room-versions.ts';
import { compileServerAcl } from '#matrix/server-acl.ts';
import { strippedStateKeys } from '#matrix/stripped-state.ts';

test('server access lists', () => {
  const cases: readonly (readonly [JsonObject, string, boolean])[] = [
    [{}, 'a.org', false],
    [{ allow: ['*'] }, 'a.org', true],
    [{ allow: ['*'] }, '1.2.3.4', true],
    [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4', false],
    [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4:8448', false],
    [{ allow: ['*'], allow_ip_literals: false }, '[::1]:8448', false],
    [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4.example.org', true],
    [{ allow: ['*'], allow_ip_literals: 'false' }, '1.2.3.4', true],
    [{ allow: ['*'], deny: ['*.evil.com', 'evil.com'] }, 'evil.com:1234', false],
    [{ allow: ['*'], deny: ['*.evil.com', 'evil.com'] }, 'sub.EVIL.com', false],
    [{ allow: ['*'], deny: ['*.evil.com', 'evil.com'] }, 'notevil.com', true],
    [{ allow: ['Good.org'], deny: [] }, 'GOOD.org:80', true],
    [{ allow: ['good.org'], deny: ['good.org'] }, 'good.org', false],
    [{ allow: ['good.org:80'] }, 'good.org:80', false],
    [{ allow: '*' }, 'a.org', false],
    [{ allow: [7, null, '*'], deny: 'a.org' }, 'a.org', true],
  ];
  for (const [content, serverName, expected] of cases) {
    assert.equal(compileServerAcl(content)(serverName), expected, `${JSON.stringify(content)} ${serverName}`);
  }
});

test('history visibility: every setting and membership', () => {
  const memberships = [undefined, 'join', 'invite', 'leave', 'ban', 'knock'];
  for (const membership of memberships) {
    for (const joinedLater of [false, true]) {
      const visible = (facts: Pick<VisibilityFacts, 'visibility'>) =>
        isEventVisible({ ...facts, membership, joinedLater });
      assert.equal(visible({ visibility: 'world_readable' }), true);
      assert.equal(visible({ visibility: 'shared' }), membership === 'join' || joinedLater);
      assert.equal(visible({ visibility: 'invited' }), membership === 'join' || membership === 'invite');
      assert.equal(visible({ visibility: 'joined' }), membership === 'join');
    }
  }
});

test('history visibility: either side of a change will do', () => {
  const outsider = { membership: undefined, joinedLater: false };
  assert.ok(isEventVisible({ ...outsider, visibility: 'world_readable', visibilityAfter: 'joined' }));
  assert.ok(isEventVisible({ ...outsider, visibility: 'joined', visibilityAfter: 'world_readable' }));
  assert.ok(!isEventVisible({ ...outsider, visibility: 'joined', visibilityAfter: 'shared' }));
  assert.ok(isEventVisible({ visibility: 'joined', membership: 'join', membershipAfter: 'leave', joinedLater: false }));
  assert.ok(
    isEventVisible({ visibility: 'joined', membership: 'invite', membershipAfter: 'join', joinedLater: false }),
  );
  assert.ok(!isEventVisible({ visibility: 'joined', membership: 'leave', membershipAfter: 'ban', joinedLater: true }));
});

test('history visibility: shared unless it is one of the others', () => {
  assert.equal(historyVisibilityOf(undefined), 'shared');
  for (const value of ['joined', 'invited', 'world_readable', 'shared'] as const) {
    assert.equal(historyVisibilityOf({ history_visibility: value }), value);
  }
  for (const value of ['', 'everyone', 7, null])
    assert.equal(historyVisibilityOf({ history_visibility: value }), 'shared');
});

test('stripped state begins with the create event and ends with who invited', () => {
  assert.deepEqual(strippedStateKeys()[0], ['m.room.create', '']);
  assert.deepEqual(strippedStateKeys('@a:b').at(-1), ['m.room.member', '@a:b']);
  assert.equal(strippedStateKeys('@a:b').length, strippedStateKeys().length + 1);
});

function pdu(changes: Partial<Pdu>): Pdu {
  return {
    type: 'm.room.member',
    sender: '@a:sender.org',
    room_id: '!r:room.org',
    content: {},
    origin_server_ts: 1,
    depth: 1,
    prev_events: [],
    auth_events: [],
    hashes: {},
    signatures: {},
    event_id: '$e:event.org:8448',
    ...changes,
  };
}

test('who must have signed: the sender, in versions 1 and 2 also the server of the event id', () => {
  for (const version of roomVersions.values()) {
    const ofEventId = Number(version.id) <= 2 ? ['event.org:8448'] : [];
    assert.deepEqual([...requiredSigners(pdu({}), version)], ['sender.org', ...ofEventId]);
    const invite = pdu({ content: { membership: 'invite', third_party_invite: {} } });
    assert.deepEqual([...requiredSigners(invite, version)], ofEventId);
    const join = pdu({ content: { membership: 'join', third_party_invite: {} } });
    assert.ok(requiredSigners(join, version).has('sender.org'));
    const named = pdu({ ...invite, type: 'm.room.message' });
    assert.ok(requiredSigners(named, version).has('sender.org'));
  }
});

test('who vouched for a restricted join', () => {
  const join = (user: string | number) =>
    pdu({ content: { membership: 'join', join_authorised_via_users_server: user } });
  for (const version of roomVersions.values()) {
    const expected = Number(version.id) >= 8 ? 'vouching.org' : undefined;
    assert.equal(authorisingServer(join('@v:vouching.org'), version), expected);
  }
  const version12 = findRoomVersion('12')!;
  assert.equal(authorisingServer(pdu({ content: { membership: 'join' } }), version12), undefined);
  assert.equal(authorisingServer(join(7), version12), '');
  assert.equal(authorisingServer(join('nobody'), version12), '');
  assert.equal(authorisingServer({ ...join('@v:vouching.org'), type: 'm.room.message' }, version12), undefined);
});

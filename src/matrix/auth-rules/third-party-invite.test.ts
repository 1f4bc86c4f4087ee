/** Owns the proof of the rule about third-party invites. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bob, describeRoom, type Described } from '#matrix/auth-rules/room-fixture.ts';

const invitation: Described = { type: 'm.room.third_party_invite', sender: bob, state_key: 'token' };

test('the invite level alone decides on third-party invites', () => {
  for (const [version, rule] of [
    ['1', '7.1'],
    ['6', '6.1'],
    ['12', '7.1'],
  ] as const) {
    const members = { [bob]: 'join' };
    const strictEvents = { events: { 'm.room.third_party_invite': 100 } };
    assert.equal(
      describeRoom({ version, members, levels: { invite: 0, ...strictEvents } }).judge(invitation),
      'allowed',
    );
    assert.equal(describeRoom({ version, members, levels: { invite: 1 } }).judge(invitation), rule);
  }
});

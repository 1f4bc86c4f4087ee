/** Owns the proof of the rule about `m.room.aliases`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bob, describeRoom, type Described } from '#matrix/auth-rules/room-fixture.ts';

const aliases: Described = { type: 'm.room.aliases', sender: bob, content: { aliases: ['#room:two.example'] } };

test('until version 5 a server publishes its own aliases, whoever the sender is', () => {
  for (const version of ['1', '5']) {
    const room = describeRoom({ version });
    assert.equal(room.judge({ ...aliases, state_key: 'two.example' }), 'allowed');
    assert.equal(room.judge({ ...aliases, state_key: 'one.example' }), '4.2');
    assert.equal(room.judge(aliases), '4.1');
  }
});

test('from version 6 on aliases are ordinary state', () => {
  assert.equal(describeRoom({ version: '6' }).judge({ ...aliases, state_key: 'two.example' }), '5');
  const room = describeRoom({ version: '6', members: { [bob]: 'join' } });
  assert.equal(room.judge({ ...aliases, state_key: 'two.example' }), '7');
});

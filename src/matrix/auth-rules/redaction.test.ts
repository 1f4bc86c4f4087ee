/** Owns the proof of the auth rule about redactions of versions 1 and 2. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bob, creator, describeRoom, type Described } from '#matrix/auth-rules/room-fixture.ts';

// The room gives its events ids of one.example unless an id is given.
const redaction = (sender: string, redacts: string): Described => ({ type: 'm.room.redaction', sender, redacts });

test('in versions 1 and 2 the level decides, or the server of the two event ids', () => {
  for (const version of ['1', '2']) {
    const room = describeRoom({ version, members: { [bob]: 'join' } });
    const eventId = '$redaction:two.example';
    assert.equal(room.judge({ ...redaction(bob, '$other:two.example'), eventId }), 'allowed');
    assert.equal(room.judge({ ...redaction(bob, '$other:one.example'), eventId }), '11.3');
    assert.equal(room.judge({ type: 'm.room.redaction', sender: bob, eventId }), '11.3');
    assert.equal(room.judge({ ...redaction(bob, '$no-server'), eventId: '$no-server-either' }), '11.3');
    assert.equal(room.judge({ ...redaction(creator, '$other:one.example'), eventId }), 'allowed');
  }
});

test('the redact level itself is enough', () => {
  const room = describeRoom({ version: '1', members: { [bob]: 'join' }, levels: { redact: 5, users: { [bob]: 5 } } });
  assert.equal(room.judge(redaction(bob, '$other:three.example')), 'allowed');
});

test('from version 3 on redactions are ordinary events for the auth rules', () => {
  for (const version of ['3', '12']) {
    const room = describeRoom({ version, members: { [bob]: 'join' } });
    assert.equal(room.judge(redaction(bob, '$any')), 'allowed');
  }
});

/** Owns the proof of the rule about `m.room.create`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alice,
  creator,
  describeRoom,
  roomIdIn,
  requireVersion,
  type Described,
} from '#matrix/auth-rules/room-fixture.ts';
import { roomVersions } from '#matrix/room-versions.ts';

function createEvent(version: string, more: Partial<Described> = {}): Described {
  const { room_id: roomId, eventId, content, type, sender } = describeRoom({ version }).create;
  return { room_id: roomId, eventId, content, type, sender, state_key: '', prev_events: [], ...more };
}

function judge(version: string, more?: Partial<Described>): string {
  return describeRoom({ version }).judge(createEvent(version, more));
}

test('a proper create event is allowed in every version', () => {
  for (const id of roomVersions.keys()) assert.equal(judge(id), 'allowed', `version ${id}`);
});

test('a create event has no previous events', () => {
  for (const id of roomVersions.keys()) assert.equal(judge(id, { prev_events: ['$previous'] }), '1.1', `version ${id}`);
});

test('until version 11 the room id carries the server of the sender', () => {
  assert.equal(judge('1', { room_id: '!room:two.example' }), '1.2');
  assert.equal(judge('11', { sender: '@creator:one.example:8448' }), '1.2');
  assert.equal(judge('11', { room_id: roomIdIn(requireVersion('12')) }), '1.2');
});

test('from version 12 on only the room id that follows from the event id passes', () => {
  assert.equal(judge('12', { room_id: '!room:one.example' }), '1.2');
});

test('the room version must be known; an absent one is version 1', () => {
  assert.equal(judge('1', { content: { creator } }), 'allowed');
  assert.equal(judge('6', { content: { creator, room_version: 'org.example.99' } }), '1.3');
  assert.equal(judge('12', { content: { room_version: 12 } }), '1.3');
});

test('until version 10 the content names the creator', () => {
  assert.equal(judge('10', { content: { room_version: '10' } }), '1.4');
  assert.equal(judge('11', { content: { room_version: '11' } }), 'allowed');
});

test('from version 12 on additional creators are a list of user ids', () => {
  const withCreators = (creators: Described['content']): string =>
    judge('12', { content: { room_version: '12', ...creators } });
  assert.equal(withCreators({ additional_creators: [alice, '@:one.example'] }), 'allowed');
  assert.equal(withCreators({ additional_creators: alice }), '1.4');
  assert.equal(withCreators({ additional_creators: [alice, 7] }), '1.4');
  assert.equal(withCreators({ additional_creators: ['alice'] }), '1.4');
  assert.equal(withCreators({ additional_creators: [`@${'a'.repeat(255)}:one.example`] }), '1.4');
  assert.equal(judge('11', { content: { additional_creators: 'anything' } }), 'allowed');
});

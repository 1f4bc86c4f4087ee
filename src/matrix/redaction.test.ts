/** Owns the proof of what each room version keeps of a redacted event, and of the ids that follow from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalJson } from '#matrix/canonical-json.ts';
import { contentHash, createEventIdOf, eventIdOf, referenceHash, roomIdOfCreate } from '#matrix/hashes.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { redact, redactContent, redactJson } from '#matrix/redaction.ts';
import { findRoomVersion, roomVersions } from '#matrix/room-versions.ts';
import { anyRoomVersion, looseEvent, withKeysReversed } from '#test/event-arbitraries.ts';

const allKeys: JsonObject = {
  event_id: '$a',
  type: 'm.x',
  room_id: '!r',
  sender: '@u:s',
  state_key: '',
  content: { a: 1 },
  hashes: {},
  signatures: {},
  depth: 1,
  prev_events: [],
  prev_state: [],
  auth_events: [],
  origin: 's',
  origin_server_ts: 1,
  membership: 'join',
  redacts: '$b',
  unsigned: { age: 1 },
  other: 1,
};

test('top-level keys', () => {
  const upTo10 =
    'auth_events content depth event_id hashes membership origin origin_server_ts prev_events prev_state room_id sender signatures state_key type';
  const from11 =
    'auth_events content depth event_id hashes origin_server_ts prev_events room_id sender signatures state_key type';
  for (const version of roomVersions.values()) {
    const redacted = redact(allKeys, version);
    assert.equal(Object.keys(redacted).sort().join(' '), Number(version.id) >= 11 ? from11 : upTo10, version.id);
    assert.deepEqual(redacted['content'], {});
  }
});

// Type, the content before, and what stays of it from which version on.
const contents: readonly (readonly [string, JsonObject, Record<number, JsonObject>])[] = [
  [
    'm.room.member',
    {
      membership: 'join',
      displayname: 'x',
      join_authorised_via_users_server: '@a:b',
      third_party_invite: { signed: { token: 't' }, display_name: 'd' },
    },
    {
      1: { membership: 'join' },
      9: { membership: 'join', join_authorised_via_users_server: '@a:b' },
      11: {
        membership: 'join',
        join_authorised_via_users_server: '@a:b',
        third_party_invite: { signed: { token: 't' } },
      },
    },
  ],
  ['m.room.member', { third_party_invite: { display_name: 'd' } }, { 1: {}, 11: { third_party_invite: {} } }],
  ['m.room.member', { third_party_invite: 'text' }, { 1: {} }],
  [
    'm.room.create',
    { creator: '@a:b', room_version: '1', 'm.federate': false },
    { 1: { creator: '@a:b' }, 11: { creator: '@a:b', room_version: '1', 'm.federate': false } },
  ],
  [
    'm.room.join_rules',
    { join_rule: 'restricted', allow: [1], other: 1 },
    { 1: { join_rule: 'restricted' }, 8: { join_rule: 'restricted', allow: [1] } },
  ],
  [
    'm.room.power_levels',
    {
      ban: 1,
      events: { a: 1 },
      events_default: 2,
      invite: 3,
      kick: 4,
      redact: 5,
      state_default: 6,
      users: {},
      users_default: 7,
      notifications: { room: 8 },
    },
    {
      1: {
        ban: 1,
        events: { a: 1 },
        events_default: 2,
        kick: 4,
        redact: 5,
        state_default: 6,
        users: {},
        users_default: 7,
      },
      11: {
        ban: 1,
        events: { a: 1 },
        events_default: 2,
        invite: 3,
        kick: 4,
        redact: 5,
        state_default: 6,
        users: {},
        users_default: 7,
      },
    },
  ],
  ['m.room.aliases', { aliases: ['#a:b'], other: 1 }, { 1: { aliases: ['#a:b'] }, 6: {} }],
  ['m.room.history_visibility', { history_visibility: 'shared', other: 1 }, { 1: { history_visibility: 'shared' } }],
  ['m.room.redaction', { redacts: '$a', reason: 'r' }, { 1: {}, 11: { redacts: '$a' } }],
  ['m.room.message', { body: 'b', membership: 'join', redacts: '$a' }, { 1: {} }],
];

test('content of each type in each version', () => {
  for (const [type, content, kept] of contents) {
    for (const version of roomVersions.values()) {
      const from = Math.max(
        ...Object.keys(kept)
          .map(Number)
          .filter((since) => since <= Number(version.id)),
      );
      assert.deepEqual(redactContent(type, content, version), kept[from], `${type} in version ${version.id}`);
    }
  }
});

test('property: redacting twice is redacting once, and does not change the id', () => {
  fc.assert(
    fc.property(looseEvent, anyRoomVersion, (event, version) => {
      const once = redact(event, version);
      assert.deepEqual(redact(once, version), once);
      assert.equal(referenceHash(once, version), referenceHash(event, version));
      assert.equal(
        redactJson(canonicalJson(event), version),
        redactJson(redactJson(canonicalJson(event), version), version),
      );
    }),
  );
});

test('property: the order of keys and `unsigned` and `signatures` change no hash', () => {
  fc.assert(
    fc.property(looseEvent, anyRoomVersion, (event, version) => {
      const other = withKeysReversed({ ...event, unsigned: { b: 2 }, signatures: {} });
      assert.ok(typeof other === 'object' && other !== null && !Array.isArray(other));
      assert.equal(contentHash(other), contentHash(event));
      assert.equal(referenceHash(other, version), referenceHash(event, version));
    }),
  );
});

test('ids: in the event, in standard base64, in URL-safe base64', () => {
  const version = (id: string) => findRoomVersion(id)!;
  assert.equal(eventIdOf(allKeys, version('1')), '$a');
  assert.equal(eventIdOf(allKeys, version('2')), '$a');
  const standard = eventIdOf(allKeys, version('3'));
  assert.match(standard, /^\$[A-Za-z0-9+/]{43}$/);
  assert.equal(standard, `$${referenceHash(allKeys, version('3'))}`);
  assert.equal(eventIdOf(allKeys, version('4')), standard.replaceAll('+', '-').replaceAll('/', '_'));
  assert.throws(() => eventIdOf({ ...allKeys, event_id: 7 }, version('1')), TypeError);
});

test('the room id of version 12 is the id of its create event, and back', () => {
  assert.equal(roomIdOfCreate('$abc'), '!abc');
  assert.equal(createEventIdOf('!abc'), '$abc');
});

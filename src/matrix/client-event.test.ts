/** Owns the proof that clients get every event in the client format and nothing of the federation format. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalJson } from '#matrix/canonical-json.ts';
import {
  clientEventJson,
  clientEventStem,
  contentJsonOf,
  strippedStateJson,
  unsignedJson,
  type UnsignedParts,
} from '#matrix/client-event.ts';
import { sliceElements, sliceMembers } from '#matrix/json-slices.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { redactJson } from '#matrix/redaction.ts';
import { findRoomVersion, roomVersions, type RoomVersion } from '#matrix/room-versions.ts';
import { anyRoomVersion, canonicalValue, eventContent, eventType } from '#test/event-arbitraries.ts';

const version12 = findRoomVersion('12')!;
const pdu: JsonObject = {
  auth_events: ['$a'],
  content: { body: 'x', depth: 3, 'a"\\': '"}\\', nested: { type: 'y', content: [{ sender: 1 }] } },
  depth: 7,
  event_id: '$forged',
  hashes: { sha256: 'x' },
  origin: 'a',
  origin_server_ts: 5,
  prev_events: ['$b'],
  room_id: '!r:a',
  sender: '@u:a',
  signatures: { a: { b: 'c' } },
  type: 'm.room.message',
  unsigned: { age: 1, secret: 2 },
  zzz: { sender: '@evil:a' },
};

function clientEvent(
  event: JsonObject,
  version: RoomVersion,
  roomId?: string,
  unsigned: UnsignedParts = {},
): JsonObject {
  return JSON.parse(
    clientEventJson(clientEventStem(canonicalJson(event), '$id', version), roomId, unsignedJson(unsigned)),
  );
}

test('a message for /sync and for /messages', () => {
  const expected = {
    content: pdu['content'],
    event_id: '$id',
    origin_server_ts: 5,
    sender: '@u:a',
    type: 'm.room.message',
  };
  assert.deepEqual(clientEvent(pdu, version12), expected);
  assert.deepEqual(clientEvent(pdu, version12, '!r"oom'), { ...expected, room_id: '!r"oom' });
  assert.deepEqual(clientEvent({ ...pdu, state_key: '' }, version12), { ...expected, state_key: '' });
});

test('unsigned has what is given and is absent when nothing is', () => {
  assert.equal(unsignedJson({}), '');
  assert.equal('unsigned' in clientEvent(pdu, version12), false);
  const parts: UnsignedParts = {
    ageMs: 12.7,
    transactionId: 'm"1',
    prevContentJson: '{"a":1}',
    replacesState: '$old',
    membership: 'join',
    redactedBecauseJson: '{"type":"m.room.redaction"}',
    relationsJson: '{"m.thread":{"count":1}}',
  };
  assert.deepEqual(clientEvent(pdu, version12, undefined, parts)['unsigned'], {
    age: 12,
    transaction_id: 'm"1',
    prev_content: { a: 1 },
    replaces_state: '$old',
    membership: 'join',
    redacted_because: { type: 'm.room.redaction' },
    'm.relations': { 'm.thread': { count: 1 } },
  });
  assert.deepEqual(clientEvent(pdu, version12, undefined, { ageMs: -5 })['unsigned'], { age: -5 });
});

test('a redaction has `redacts` at the top and in content in every version', () => {
  for (const version of roomVersions.values()) {
    const redaction = { ...pdu, type: 'm.room.redaction', content: { reason: 'r' } };
    const event = version.redactsInContent
      ? { ...redaction, content: { reason: 'r', redacts: '$target' } }
      : { ...redaction, redacts: '$target' };
    const client = clientEvent(event, version);
    assert.equal(client['redacts'], '$target', version.id);
    assert.deepEqual(client['content'], { reason: 'r', redacts: '$target' });
    const forged = clientEvent({ ...event, content: { redacts: '$other' }, redacts: '$target' }, version);
    const expected = version.redactsInContent ? '$other' : '$target';
    assert.equal(forged['redacts'], expected, 'only the place of the version counts');
    assert.deepEqual(forged['content'], { redacts: expected });
    assert.deepEqual(clientEvent({ ...redaction, content: {} }, version)['content'], {});
    assert.equal('redacts' in clientEvent({ ...pdu, redacts: '$x' }, version), false);
    assert.equal('redacts' in clientEvent({ ...redaction, content: { redacts: 7 } }, version), false);
  }
});

test('stripped state and content', () => {
  const text = canonicalJson({ ...pdu, state_key: '@u:a' });
  assert.deepEqual(JSON.parse(strippedStateJson(text)), {
    content: pdu['content'],
    sender: '@u:a',
    state_key: '@u:a',
    type: 'm.room.message',
  });
  assert.deepEqual(JSON.parse(contentJsonOf(text)), pdu['content']);
});

test('property: what is spliced is what building the object would give', () => {
  fc.assert(
    fc.property(eventType, eventContent, anyRoomVersion, (type, content, version) => {
      if (type === 'm.room.redaction') return;
      const json = canonicalJson({ ...pdu, type, content });
      for (const text of [json, redactJson(json, version)]) {
        const event = JSON.parse(text);
        assert.deepEqual(JSON.parse(clientEventJson(clientEventStem(text, '$id', version), '!r', '')), {
          content: event.content,
          event_id: '$id',
          origin_server_ts: 5,
          room_id: '!r',
          sender: '@u:a',
          type,
        });
      }
    }),
  );
});

test('property: slices of any JSON, with any white space, are its members and elements', () => {
  const space = fc.constantFrom(undefined, 1, '\t', '  \n ');
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), canonicalValue), space, (object, space) => {
      const members = sliceMembers(JSON.stringify(object, null, space));
      assert.deepEqual(
        Array.from(members, ([key, text]) => [key, JSON.parse(text)]),
        Object.entries(JSON.parse(JSON.stringify(object))),
      );
      const values = Object.values(object);
      const elements = sliceElements(JSON.stringify(values, null, space));
      assert.deepEqual(
        elements.map((text) => JSON.parse(text)),
        JSON.parse(JSON.stringify(values)),
      );
    }),
  );
});

test('slices of empty and of spaced text', () => {
  assert.deepEqual(sliceElements(' [ ] '), []);
  assert.deepEqual(sliceElements('[ 1 ,\n{"a" : "]"} , true]'), ['1', '{"a" : "]"}', 'true']);
  assert.deepEqual(sliceElements(String.raw`["\"","\"\"","\\\\",""]`), [
    String.raw`"\""`,
    String.raw`"\"\""`,
    String.raw`"\\\\"`,
    '""',
  ]);
  assert.equal(sliceMembers(' { } ').size, 0);
  assert.deepEqual(
    [...sliceMembers('{ "\\u0061" : 1 , "b\\\\" : "\\\\\\"," }')],
    [
      ['a', '1'],
      ['b\\', '"\\\\\\","'],
    ],
  );
});

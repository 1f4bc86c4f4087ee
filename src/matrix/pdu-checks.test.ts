/** Owns the proof that only well-formed events of the right size come in, in every room version. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalJson } from '#matrix/canonical-json.ts';
import { contentHash, contentHashText, eventIdOf, signedText } from '#matrix/hashes.ts';
import { readStoredPdu, redactedCopy, validatePdu } from '#matrix/pdu-checks.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { redact } from '#matrix/redaction.ts';
import { findRoomVersion, roomVersions, type RoomVersion } from '#matrix/room-versions.ts';
import { generateSigningKey, importVerifyKey } from '#matrix/signing-keys.ts';
import { checkSignatures, hashAndSignEvent } from '#matrix/signing.ts';
import { anyRoomVersion, eventContent, eventType } from '#test/event-arbitraries.ts';

const signer = { serverName: 'example.org', key: generateSigningKey('a') };
const keys = new Map([[signer.key.keyId, importVerifyKey(signer.key.publicKey)!]]);
const sourceRoot = join(import.meta.dirname, '..');
const hashRoom = '!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ';

function versionOf(id: string): RoomVersion {
  return findRoomVersion(id)!;
}

/** A valid event of the version, not yet signed. */
function plain(version: RoomVersion, changes: JsonObject = {}): JsonObject {
  const isOld = version.eventId === 'in-pdu';
  const parents: JsonValue = isOld ? [['$p:example.org', { sha256: 'aGFzaA' }]] : ['$p'];
  return {
    type: 'm.room.message',
    sender: '@alice:example.org',
    room_id: version.roomIdIsCreateHash ? hashRoom : '!room:example.org',
    content: { body: 'é' },
    origin_server_ts: 1_753_600_000_000,
    depth: 7,
    prev_events: parents,
    auth_events: parents,
    ...(isOld ? { event_id: '$mine:example.org' } : {}),
    ...changes,
  };
}

function signed(version: RoomVersion, changes: JsonObject = {}): JsonObject {
  return hashAndSignEvent(plain(version, changes), version, signer);
}

function verdictOf(event: JsonValue, version: RoomVersion): string {
  const verdict = validatePdu(JSON.stringify(event), version);
  return verdict.ok ? 'ok' : verdict.reason;
}

function without(event: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(event).filter(([each]) => each !== key));
}

test('property: a valid event comes in with the right id, text, hash and signature', () => {
  fc.assert(
    fc.property(eventType, eventContent, anyRoomVersion, (type, content, version) => {
      if (type === 'm.room.create' && version.roomIdIsCreateHash) return;
      const event = signed(version, { type, content, other: [1], state_key: '' });
      const verdict = validatePdu(JSON.stringify({ ...event, unsigned: { age: 1 } }, null, 2), version);
      assert.ok(verdict.ok);
      const { event: got } = verdict;
      assert.equal(got.json, canonicalJson(event));
      assert.equal(got.eventId, eventIdOf(event, version));
      assert.ok(got.contentHashMatches);
      assert.equal(canonicalJson(JSON.parse(JSON.stringify(got.pdu))), got.json);
      assert.deepEqual(checkSignatures(got.signedText, got.pdu.signatures, 'example.org', keys), { ok: true });
      assert.deepEqual(readStoredPdu(got.json, version), got.pdu);
    }),
    { numRuns: 200 },
  );
});

// Each field with values that are wrong in every version.
const wrong: Record<string, readonly JsonValue[]> = {
  type: [7, null],
  sender: [7, null, '', 'alice', '@alice', '@a:', '@a:b c', '#a:example.org', `@${'a'.repeat(250)}:example.org`],
  room_id: [7, null, '', 'room', '#r:example.org', '!r:b c'],
  content: ['x', null, [], 1],
  origin_server_ts: ['1', null, {}],
  depth: ['1', null, []],
  hashes: [null, 'x', [], {}, { sha256: 7 }, { sha256: 'a', md5: 1 }, { md5: 'a' }],
  signatures: [null, 'x', [], { a: 'b' }, { a: { b: 1 } }, { a: [] }],
  state_key: [7, null, {}],
  prev_events: [null, 'x', {}, [7], [null], [[]], [['$a']], [['$a', 'x']], [{}]],
  auth_events: [null, 'x', {}, [7], [null], [[]], [['$a']], [['$a', { sha256: 1 }]], [{}]],
};

test('the type of every field, and that it is there', () => {
  for (const version of roomVersions.values()) {
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values) {
        assert.equal(
          verdictOf({ ...signed(version), [field]: value }, version),
          'bad-format',
          `${version.id} ${field}`,
        );
      }
      const expected = field === 'state_key' ? 'ok' : 'bad-format';
      assert.equal(verdictOf(without(signed(version), field), version), expected, `${version.id} without ${field}`);
    }
  }
});

test('20 prev_events and 10 auth_events, and no more', () => {
  for (const version of roomVersions.values()) {
    const ids = (count: number): JsonValue =>
      Array.from({ length: count }, (_, index) => (version.eventId === 'in-pdu' ? [`$${index}:a`, {}] : `$${index}`));
    assert.equal(verdictOf(signed(version, { prev_events: ids(20), auth_events: ids(10) }), version), 'ok');
    assert.equal(verdictOf(signed(version, { prev_events: ids(21) }), version), 'bad-format');
    assert.equal(verdictOf(signed(version, { auth_events: ids(11) }), version), 'bad-format');
  }
});

test('each version has its own references, event_id and redacts', () => {
  for (const version of roomVersions.values()) {
    const isOld = Number(version.id) <= 2;
    assert.equal(verdictOf(signed(version, { prev_events: ['$a:b'] }), version), isOld ? 'bad-format' : 'ok');
    assert.equal(verdictOf(signed(version, { prev_events: [['$a:b', {}]] }), version), isOld ? 'ok' : 'bad-format');
    for (const eventId of [7, '$no-server', 'x:y', '$a:b c']) {
      assert.equal(verdictOf(signed(version, { event_id: eventId }), version), isOld ? 'bad-format' : 'ok');
    }
    const expected = Number(version.id) >= 11 ? 'ok' : 'bad-format';
    assert.equal(verdictOf(signed(version, { redacts: 7 }), version), expected);
    assert.equal(verdictOf(signed(version, { redacts: '$a' }), version), 'ok');
  }
});

test('the room id of version 12 is a hash, of others it names a server, and the create event of 12 has none', () => {
  const create = { type: 'm.room.create', state_key: '', prev_events: [], auth_events: [] };
  for (const version of roomVersions.values()) {
    const isHash = version.id === '12';
    assert.equal(verdictOf(signed(version, { room_id: hashRoom }), version), isHash ? 'ok' : 'bad-format');
    assert.equal(verdictOf(signed(version, { room_id: '!r:a' }), version), isHash ? 'bad-format' : 'ok');
    assert.equal(verdictOf(signed(version, create), version), isHash ? 'bad-format' : 'ok');
    const plainCreate = hashAndSignEvent(without(plain(version, create), 'room_id'), version, signer);
    const verdict = validatePdu(JSON.stringify(plainCreate), version);
    assert.equal(verdict.ok, isHash);
    if (verdict.ok) assert.equal(verdict.event.roomId, `!${verdict.event.eventId.slice(1)}`);
  }
});

test('numbers: strict from version 6 on, before that hashed as they came', () => {
  for (const version of roomVersions.values()) {
    const strict = Number(version.id) >= 6;
    for (const number of ['1.5', '1e2', '-0', '9007199254740992', '18446744073709551616']) {
      const text = canonicalJson(signed(version)).replace('"body":"é"', `"body":${number}`);
      const verdict = validatePdu(text, version);
      assert.equal(verdict.ok ? 'ok' : verdict.reason, strict ? 'bad-json' : 'ok', `${version.id} ${number}`);
    }
    assert.equal(verdictOf(signed(version, { depth: 2 ** 53 - 1 }), version), 'ok');
  }
});

test('a depth of 2^63 - 1 in an old room: exact in the text and the hashes, lowered in the object', () => {
  const version = versionOf('5');
  const event = { ...plain(version), hashes: { sha256: 'x' }, signatures: {} };
  const text = canonicalJson(event).replace('"depth":7', '"depth":9223372036854775807');
  const verdict = validatePdu(text, version);
  assert.ok(verdict.ok);
  assert.equal(verdict.event.pdu.depth, 2 ** 53 - 1);
  assert.equal(verdict.event.json, text);
  assert.ok(verdict.event.signedText.includes('"depth":9223372036854775807'));
  assert.equal(readStoredPdu(text, version).depth, 2 ** 53 - 1);
  assert.ok(redactedCopy(verdict.event).json.includes('"depth":9223372036854775807'));
  assert.ok(contentHashText({ a: 9223372036854775807n }).includes('9223372036854775807'));
});

test('a content hash that does not match leaves the redacted copy', () => {
  for (const version of roomVersions.values()) {
    const event = signed(version);
    const changed = { ...event, content: { body: 'changed' } };
    const verdict = validatePdu(JSON.stringify(changed), version);
    assert.ok(verdict.ok && !verdict.event.contentHashMatches);
    const copy = redactedCopy(verdict.event);
    assert.deepEqual(copy.pdu.content, {});
    assert.equal(copy.json, canonicalJson(JSON.parse(JSON.stringify(redact(event, version)))));
    assert.equal(copy.eventId, eventIdOf(event, version));
    assert.equal(copy.signedText, signedText(event, version));
  }
  const padded = signed(versionOf('12'));
  padded['hashes'] = { sha256: `${contentHash(padded)}=` };
  const verdict = validatePdu(JSON.stringify(padded), versionOf('12'));
  assert.ok(verdict.ok && verdict.event.contentHashMatches, 'padding does not matter');
});

test('sizes: bytes of the canonical text, whatever white space and `unsigned` came with it', () => {
  const version = versionOf('12');
  const room = 65_536 - Buffer.byteLength(canonicalJson(signed(version, { content: { body: '' } })));
  const fits = signed(version, { content: { body: 'é'.repeat(room / 2) + 'x'.repeat(room % 2) } });
  assert.equal(Buffer.byteLength(canonicalJson(fits)), 65_536);
  const verdict = validatePdu(JSON.stringify({ ...fits, unsigned: { age: 12 } }, null, 8), version);
  assert.ok(verdict.ok);
  assert.equal(verdictOf(signed(version, { content: { body: 'x'.repeat(room + 1) } }), version), 'too-large');
  assert.equal(verdictOf(signed(version, { type: 'x'.repeat(256) }), version), 'too-large');
  assert.equal(verdictOf(signed(version, { state_key: `${'é'.repeat(127)}x` }), version), 'ok');
  assert.equal(verdictOf(signed(version, { state_key: 'é'.repeat(128) }), version), 'too-large');
  assert.equal(validatePdu(Buffer.alloc(2_000_000, 0x20), version).ok, false);
});

test('what is no object, no JSON or no UTF-8', () => {
  for (const version of roomVersions.values()) {
    for (const text of ['[]', '1', 'null', '"x"']) {
      const verdict = validatePdu(text, version);
      assert.ok(!verdict.ok && verdict.reason === 'bad-format');
    }
    const notJson = validatePdu('{', version);
    assert.ok(!notJson.ok && notJson.reason === 'not-json');
    assert.equal(validatePdu(Buffer.from([0xff]), version).ok, false);
  }
  assert.equal(validatePdu('{"a":1,"a":2}', versionOf('6')).ok, false);
});

test('only the two doors put the mark of a validated event on', () => {
  const sources = readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const users = sources.filter(
    (name) => !name.endsWith('.test.ts') && readFileSync(join(sourceRoot, name), 'utf8').includes('markValidated'),
  );
  assert.deepEqual(users.sort(), ['matrix/build-event.ts', 'matrix/pdu-checks.ts', 'matrix/validated-pdu.ts']);
});

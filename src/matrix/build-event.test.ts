/** Owns the proof that the fast way of building events gives the bytes of the plain one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { authEventOf } from '#matrix/auth-event.ts';
import { buildEvent, type EventDraft, type EventPlace } from '#matrix/build-event.ts';
import { canonicalJson } from '#matrix/canonical-json.ts';
import { contentHash, eventIdOf, signedText } from '#matrix/hashes.ts';
import type { EventReference, JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion, roomVersions, type RoomVersion } from '#matrix/room-versions.ts';
import { generateSigningKey } from '#matrix/signing-keys.ts';
import { hashAndSignEvent } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { anyRoomVersion, eventContent, eventType } from '#test/event-arbitraries.ts';

const signer = { serverName: 'example.org', key: generateSigningKey('a') };
const version12 = findRoomVersion('12')!;
const draft: EventDraft = {
  type: 'm.room.message',
  sender: '@alice:example.org',
  room_id: '!room:example.org',
  content: { msgtype: 'm.text', body: 'é' },
};

function placeIn(version: RoomVersion): EventPlace {
  const withHash: EventReference = ['$parent:example.org', { sha256: 'aGFzaA' }];
  return {
    version,
    prevEvents: [version.eventId === 'in-pdu' ? withHash : '$parent'],
    authEvents: version.eventId === 'in-pdu' ? [withHash, withHash] : ['$one', '$two'],
    depth: 7,
    originServerTs: 1_753_600_000_000,
    signer,
    eventId: '$mine:example.org',
  };
}

function built(draft: EventDraft, place: EventPlace): ValidatedPdu {
  const verdict = buildEvent(draft, place);
  assert.ok(verdict.ok);
  return verdict.event;
}

/** The same event as a plain object, hashed and signed step by step. */
function builtSlowly(draft: EventDraft, place: EventPlace): JsonObject {
  const { version } = place;
  const { redacts, ...rest } = draft;
  const event: JsonObject = {
    ...rest,
    auth_events: [...place.authEvents],
    prev_events: [...place.prevEvents],
    depth: place.depth,
    origin_server_ts: place.originServerTs,
  };
  if (version.eventId === 'in-pdu' && place.eventId !== undefined) event['event_id'] = place.eventId;
  if (redacts !== undefined && version.redactsInContent) event['content'] = { ...draft.content, redacts };
  if (redacts !== undefined && !version.redactsInContent) event['redacts'] = redacts;
  return hashAndSignEvent(event, version, signer);
}

test('property: the same bytes, id and object as the plain way, in every version', () => {
  const anyDraft: fc.Arbitrary<EventDraft> = fc.record(
    {
      type: eventType,
      sender: fc.constantFrom('@alice:example.org', '@"\\é😀:example.org'),
      content: eventContent,
      room_id: fc.constantFrom('!room:example.org', '!"ü:example.org'),
      state_key: fc.constantFrom('', '@bob:example.org', '\n"'),
      redacts: fc.constant('$target'),
    },
    { requiredKeys: ['type', 'sender', 'content', 'room_id'] },
  );
  fc.assert(
    fc.property(anyDraft, anyRoomVersion, fc.nat(), (draft, version, depth) => {
      const place = { ...placeIn(version), depth };
      const event = built(draft, place);
      const slow = builtSlowly(draft, place);
      assert.equal(event.json, canonicalJson(slow));
      assert.equal(canonicalJson(JSON.parse(JSON.stringify(event.pdu))), event.json);
      assert.equal(event.signedText, signedText(slow, version));
      assert.equal(event.eventId, eventIdOf(slow, version));
      assert.equal(event.roomId, draft.room_id);
      assert.deepEqual(event.pdu.hashes, { sha256: contentHash(slow) });
    }),
    { numRuns: 300 },
  );
});

test('a create event of version 12 has no room_id and makes one', () => {
  const create: EventDraft = { type: 'm.room.create', sender: '@a:b', state_key: '', content: { room_version: '12' } };
  const event = built(create, { ...placeIn(version12), prevEvents: [], authEvents: [], depth: 1 });
  assert.equal(event.roomId, `!${event.eventId.slice(1)}`);
  assert.equal(event.pdu.room_id, undefined);
  assert.ok(!event.json.includes('room_id'));
  assert.equal(authEventOf(event.pdu, event.eventId, version12).room_id, event.roomId);
});

test('the auth view has plain ids and `redacts` in every version', () => {
  for (const version of roomVersions.values()) {
    const event = built({ ...draft, type: 'm.room.redaction', redacts: '$target' }, placeIn(version));
    const view = authEventOf(event.pdu, event.eventId, version);
    assert.equal(view.redacts, '$target');
    assert.deepEqual(view.prev_events, [version.eventId === 'in-pdu' ? '$parent:example.org' : '$parent']);
    assert.equal(view.eventId, event.eventId);
    assert.ok(!('state_key' in view));
  }
});

test('limits are counted in bytes: one that fits, one that does not', () => {
  const place = placeIn(version12);
  const verdictOf = (changes: Partial<EventDraft>) => {
    const verdict = buildEvent({ ...draft, ...changes }, place);
    return verdict.ok ? 'ok' : verdict.reason;
  };
  const fits = `${'é'.repeat(127)}x`;
  assert.equal(Buffer.byteLength(fits), 255);
  assert.equal(verdictOf({ type: fits }), 'ok');
  assert.equal(verdictOf({ type: `${fits}x` }), 'too-large');
  assert.equal(verdictOf({ state_key: fits }), 'ok');
  assert.equal(verdictOf({ state_key: `${fits}x` }), 'too-large');
  assert.equal(verdictOf({ sender: `@${'u'.repeat(246)}:b.example` }), 'too-large');
  assert.equal(verdictOf({ sender: `@${'u'.repeat(244)}:b.example` }), 'ok');
  assert.equal(verdictOf({ room_id: `!${'r'.repeat(255)}` }), 'too-large');
  assert.equal(verdictOf({ room_id: `!${'r'.repeat(254)}` }), 'ok');

  const empty = built({ ...draft, content: { body: '' } }, place);
  const room = 65_536 - Buffer.byteLength(empty.json);
  for (const [unit, bytes] of [
    ['x', 1],
    ['é', 2],
    ['日', 3],
  ] as const) {
    const body = unit.repeat(Math.floor(room / bytes)) + 'x'.repeat(room % bytes);
    const exact = built({ ...draft, content: { body } }, place);
    assert.equal(Buffer.byteLength(exact.json), 65_536);
    assert.equal(verdictOf({ content: { body: `${body}x` } }), 'too-large');
  }
});

test('what is too large is named', () => {
  const long = 'x'.repeat(256);
  const drafts = {
    type: { type: long },
    state_key: { state_key: long },
    room_id: { room_id: long },
    sender: { sender: long },
  };
  for (const [field, changes] of Object.entries(drafts)) {
    const verdict = buildEvent({ ...draft, ...changes }, placeIn(version12));
    assert.ok(!verdict.ok);
    assert.equal(verdict.message, `The event's ${field} is longer than 255 bytes.`);
  }
});

test('an event id that is given counts too', () => {
  const place = { ...placeIn(findRoomVersion('1')!), eventId: `$${'e'.repeat(255)}` };
  assert.equal(buildEvent(draft, place).ok, false);
  const { eventId: _eventId, ...without } = place;
  assert.throws(() => buildEvent(draft, without), TypeError);
});

test('content that canonical JSON does not have is a verdict, not an exception', () => {
  for (const content of [{ a: 1.5 }, { a: [2 ** 53] }, { '\ud800': 1 }, { a: '\udfff' }]) {
    const verdict = buildEvent({ ...draft, content }, placeIn(version12));
    assert.ok(!verdict.ok && verdict.reason === 'bad-json');
  }
});

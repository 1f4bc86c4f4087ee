/** Runs every protocol vector against the code: canonical JSON, signing, redaction, event format, identifiers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { decodeBase64, encodeBase64 } from '#matrix/base64.ts';
import { canonicalJson, canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import { eventIdOf, roomIdOfCreate } from '#matrix/hashes.ts';
import {
  isEventId,
  isRoomAlias,
  isRoomId,
  isServerName,
  isStrictLocalpart,
  isUserId,
  localpartOf,
} from '#matrix/ids.ts';
import { parseJsonBytes, parseJsonExactly } from '#matrix/parse-json.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { redact } from '#matrix/redaction.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { importSigningKey, importVerifyKey, type VerifyKey } from '#matrix/signing-keys.ts';
import { checkJsonSignature, hashAndSignEvent, signJson, type Signer } from '#matrix/signing.ts';

type Named = { readonly name: string };
type Versioned = Named & { readonly versions: readonly string[] };
type Outcome = { readonly canonical?: string; readonly orRefused?: string; readonly refused?: string };
type CanonicalCase = Named & {
  readonly input?: string;
  readonly inputHex?: string;
  readonly strict: Outcome;
  readonly tolerant: Outcome;
};
type SigningCase = Named &
  (
    | { readonly operation: 'sign-json'; readonly input: JsonObject; readonly output: JsonObject }
    | {
        readonly operation: 'sign-event';
        readonly versions: readonly string[];
        readonly input: JsonObject;
        readonly output: JsonObject;
      }
    | {
        readonly operation: 'event-id';
        readonly versions: readonly string[];
        readonly input: JsonObject;
        readonly eventId: string;
        readonly roomId?: string;
      }
    | {
        readonly operation: 'verify-json';
        readonly input: JsonObject;
        readonly entity: string;
        readonly keys: { readonly [keyId: string]: string };
        readonly valid: boolean;
      }
    | { readonly operation: 'base64'; readonly input: string; readonly output: string }
  );
type SigningFile = {
  readonly seed: string;
  readonly serverName: string;
  readonly keyId: string;
  readonly cases: readonly SigningCase[];
};
type RedactionCase = Versioned & { readonly event: JsonObject; readonly redacted: JsonObject };
type Fill = { readonly path: readonly string[]; readonly character: string; readonly canonicalBytes: number };
type FormatCase = Versioned & {
  readonly expect: 'valid' | 'invalid';
  readonly event?: JsonObject;
  readonly eventText?: string;
  readonly fill?: Fill;
};
type IdentifierCase = Named & {
  readonly kind: string;
  readonly value: string;
  readonly valid: boolean;
  readonly conforming?: boolean;
  readonly versions?: readonly string[];
};

const readText = (name: string): string => readFileSync(new URL(`protocol/${name}.json`, import.meta.url), 'utf8');
const canonicalCases: readonly CanonicalCase[] = JSON.parse(readText('canonical-json')).cases;
const signing: SigningFile = JSON.parse(readText('signing'));
const redactionCases: readonly RedactionCase[] = JSON.parse(readText('redaction')).cases;
const formatCases: readonly FormatCase[] = JSON.parse(readText('event-format')).cases;
const identifierCases: readonly IdentifierCase[] = JSON.parse(readText('identifiers')).cases;

/**
 * Floats of versions 1 to 5: the appendix defines no spelling for what canonical JSON does not have. The vectors read
 * its sample code, which writes as Python does; the code writes the shortest form. By name, with what the code writes.
 */
const floatSpelling: { readonly [name: string]: string } = {
  'float-one-point-zero': '1',
  'float-zero-point-zero': '0',
  'float-exponent': '100',
  'float-exponent-capital': '100',
  'float-exponent-plus': '100',
  'float-exponent-zero': '1',
  'float-exponent-negative': '1',
  'float-negative-zero-point': '0',
  'float-small': '1e-7',
  'float-large-plain': '10000000000000000',
  'float-below-large': '1000000000000000',
  'float-integral-beyond-range': '9007199254740992',
  'float-nested': '{"content":{"levels":[0,{"x":1}]}}',
};

/**
 * `isEventId` takes the ids of every version at once. From version 3 on no PDU carries its own id, and an id in another
 * version's form is only that of an event that is never found.
 */
const eventIdsOfOtherVersions = new Set([
  'event-id-v3-other-alphabet',
  'event-id-v3-with-domain',
  'event-id-v4-other-alphabet',
  'event-id-v4-with-domain',
]);

/** Grammars that `src/matrix` has no function for, and how many cases each has; nothing of ours is judged by them. */
const kindsWithoutCode: { readonly [kind: string]: number } = {
  room_version: 10,
  namespaced_identifier: 11,
  opaque_identifier: 8,
};

/**
 * The format vectors write this room id in version 12 too, where their own identifier vectors (and the appendix, "Room
 * IDs") say that it is none. There it is replaced, so that each case is about what its name says.
 */
const olderRoomId = '!room:a.test';
const hashRoomId = '!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ';

const counts = new Map<string, { run: number; deviations: number }>();

function count(group: string, deviates = false): void {
  const entry = counts.get(group) ?? { run: 0, deviations: 0 };
  entry.run += 1;
  if (deviates) entry.deviations += 1;
  counts.set(group, entry);
}

function requireVersion(id: string): RoomVersion {
  const version = findRoomVersion(id);
  assert.ok(version, `room version ${id}`);
  return version;
}

after(() => {
  for (const [group, { run, deviations }] of counts) console.log(`${group}: ${run} run, ${deviations} deviations`);
});

/** The canonical text, or undefined if the input is refused. */
function canonicalise(bytes: Buffer, numbers: 'canonical' | 'any'): string | undefined {
  const parsed = parseJsonBytes(bytes, { bytesMax: 1_000_000, numbers });
  if (!parsed.ok) return undefined;
  if (numbers === 'canonical') return canonicalJson(parsed.value);
  return canonicalJsonOfOldVersions(parsed.canonicalNumbers ? parsed.value : parseJsonExactly(bytes.toString()));
}

void test('canonical JSON', () => {
  const differences: string[] = [];
  const spelledOtherwise = new Set<string>();
  for (const { name, input, inputHex, strict, tolerant } of canonicalCases) {
    const bytes = input === undefined ? Buffer.from(inputHex ?? '', 'hex') : Buffer.from(input);
    for (const [numbers, outcome] of [
      ['canonical', strict],
      ['any', tolerant],
    ] as const) {
      const found = canonicalise(bytes, numbers);
      const agrees = found === outcome.canonical || (found === undefined && outcome.orRefused !== undefined);
      const deviates = !agrees && numbers === 'any' && found === floatSpelling[name];
      if (deviates) spelledOtherwise.add(name);
      else if (!agrees) differences.push(`${name}, ${numbers}: expected ${JSON.stringify(outcome)}, found ${found}`);
      count('canonical JSON', deviates);
    }
  }
  assert.deepEqual(differences, []);
  assert.deepEqual([...spelledOtherwise].toSorted(), Object.keys(floatSpelling).toSorted());
});

function assertSigned(entry: SigningCase, signer: Signer): void {
  switch (entry.operation) {
    case 'sign-json':
      assert.deepEqual(signJson(entry.input, signer), entry.output, entry.name);
      return count('signing');
    case 'sign-event':
      for (const id of entry.versions) {
        assert.deepEqual(hashAndSignEvent(entry.input, requireVersion(id), signer), entry.output, `${entry.name}, ${id}`);
        count('signing');
      }
      return;
    case 'event-id':
      for (const id of entry.versions) {
        const eventId = eventIdOf(entry.input, requireVersion(id));
        assert.equal(eventId, entry.eventId, `${entry.name}, ${id}`);
        if (entry.roomId !== undefined) assert.equal(roomIdOfCreate(eventId), entry.roomId, entry.name);
        count('signing');
      }
      return;
    case 'verify-json': {
      const keys = new Map<string, VerifyKey>();
      for (const [keyId, publicKey] of Object.entries(entry.keys)) {
        const key = importVerifyKey(publicKey);
        if (key !== undefined) keys.set(keyId, key);
      }
      assert.equal(checkJsonSignature(entry.input, entry.entity, keys).ok, entry.valid, entry.name);
      return count('signing');
    }
    case 'base64':
      assert.equal(encodeBase64(Buffer.from(entry.input)), entry.output, entry.name);
      assert.equal(decodeBase64(entry.output)?.toString(), entry.input, entry.name);
      return count('signing');
  }
}

void test('signing and hashing', () => {
  const key = importSigningKey(signing.keyId, signing.seed);
  assert.ok(key);
  for (const entry of signing.cases) assertSigned(entry, { serverName: signing.serverName, key });
});

void test('redaction', () => {
  const differences: string[] = [];
  for (const { name, versions, event, redacted } of redactionCases) {
    for (const id of versions) {
      const found = redact(event, requireVersion(id));
      if (!isDeepStrictEqual(found, redacted)) differences.push(`${name}, ${id}: found ${JSON.stringify(found)}`);
      count('redaction');
    }
  }
  assert.deepEqual(differences, []);
});

/** Lengthens the string at the path until the event takes exactly that many bytes. */
function fillEvent(event: JsonObject, { path, character, canonicalBytes }: Fill): JsonObject {
  const bytesLeft = canonicalBytes - Buffer.byteLength(canonicalJson(event));
  const bytesEach = Buffer.byteLength(character);
  const tail = character.repeat(Math.floor(bytesLeft / bytesEach)) + 'x'.repeat(bytesLeft % bytesEach);
  const lengthen = (value: JsonValue | undefined, [key, ...rest]: readonly string[]): JsonValue => {
    if (key === undefined) return `${typeof value === 'string' ? value : ''}${tail}`;
    assert.ok(isJsonObject(value));
    return { ...value, [key]: lengthen(value[key], rest) };
  };
  const filled = lengthen(event, path);
  assert.ok(isJsonObject(filled));
  assert.equal(Buffer.byteLength(canonicalJson(filled)), canonicalBytes);
  return filled;
}

/** The text to be received, and whether its room id had to be replaced for this version. */
function writeEvent(entry: FormatCase, version: RoomVersion): { text: string; replaced: boolean } {
  const written = entry.eventText ?? JSON.stringify(entry.event);
  const replaced = version.roomIdIsCreateHash && written.includes(olderRoomId);
  const text = replaced ? written.replaceAll(olderRoomId, hashRoomId) : written;
  return { text: entry.fill === undefined ? text : JSON.stringify(fillEvent(JSON.parse(text), entry.fill)), replaced };
}

void test('event format', () => {
  const differences: string[] = [];
  for (const entry of formatCases) {
    for (const id of entry.versions) {
      const version = requireVersion(id);
      const { text, replaced } = writeEvent(entry, version);
      const verdict = validatePdu(text, version);
      if (verdict.ok !== (entry.expect === 'valid')) {
        differences.push(`${entry.name}, ${id}: ${verdict.ok ? 'valid' : verdict.message}`);
      }
      // As it is written, the event has to fall by its room id: that is what makes the replacement right.
      if (replaced) assert.equal(validatePdu(text.replaceAll(hashRoomId, olderRoomId), version).ok, false, entry.name);
      count('event format', replaced && entry.expect === 'valid');
    }
  }
  assert.deepEqual(differences, []);
});

const grammars: { readonly [kind: string]: (value: string) => boolean } = {
  server_name: isServerName,
  user_id: isUserId,
  room_alias: isRoomAlias,
  room_id: isRoomId,
  event_id: isEventId,
};

/** Whether an ordinary event of the version may stand in a room of that id. */
function isRoomIdOf(value: string, version: RoomVersion): boolean {
  const ordinary = formatCases.find(({ name, versions }) => name.startsWith('ordinary') && versions.includes(version.id));
  assert.ok(ordinary?.event);
  return validatePdu(JSON.stringify({ ...ordinary.event, room_id: value }), version).ok;
}

void test('identifiers', () => {
  const differences: string[] = [];
  const takenAnyway = new Set<string>();
  const withoutCode = new Map<string, number>();
  for (const { name, kind, value, valid, conforming, versions } of identifierCases) {
    const grammar = grammars[kind];
    if (grammar === undefined) {
      withoutCode.set(kind, (withoutCode.get(kind) ?? 0) + 1);
      // The one thing that can be asked of a bad room version: that it is not one of ours.
      if (kind === 'room_version' && !valid) assert.equal(findRoomVersion(value), undefined, name);
      continue;
    }
    if (kind === 'room_id' && versions !== undefined) {
      for (const id of versions) {
        if (isRoomIdOf(value, requireVersion(id)) !== valid) differences.push(`${name}, ${id}`);
        count('identifiers');
      }
      continue;
    }
    const deviates = kind === 'event_id' && !valid && grammar(value) && eventIdsOfOtherVersions.has(name);
    if (deviates) takenAnyway.add(name);
    else if (grammar(value) !== valid) differences.push(name);
    if (conforming !== undefined && (isUserId(value) && isStrictLocalpart(localpartOf(value))) !== conforming) {
      differences.push(`${name}: conforming`);
    }
    count('identifiers', deviates);
  }
  assert.deepEqual(differences, []);
  assert.deepEqual(takenAnyway, eventIdsOfOtherVersions);
  assert.deepEqual(Object.fromEntries(withoutCode), kindsWithoutCode);
});

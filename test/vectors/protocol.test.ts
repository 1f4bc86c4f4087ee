/** Checks the protocol vectors themselves: names, shapes, and what can be worked out without the server's code. */
import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findRoomVersion } from '#matrix/room-versions.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Members = { [key: string]: Json };
type Named = { readonly name: string; readonly versions?: readonly string[] };
type Outcome = { readonly canonical?: string; readonly orRefused?: string; readonly refused?: string };
type CanonicalCase = Named & {
  readonly input?: string;
  readonly inputHex?: string;
  readonly strict: Outcome;
  readonly tolerant: Outcome;
};
type SigningCase = Named & {
  readonly operation: 'sign-json' | 'sign-event' | 'event-id' | 'verify-json' | 'base64';
  readonly input: Json;
  readonly output?: Json;
  readonly entity?: string;
  readonly keys?: { readonly [id: string]: string };
  readonly valid?: boolean;
};
type RedactionCase = Named & { readonly event: Members; readonly redacted: Members };
type FormatCase = Named & { readonly expect: string; readonly event?: Members; readonly eventText?: string };
type IdentifierCase = Named & { readonly kind: string; readonly value: string; readonly valid: boolean };
type SigningFile = { readonly seed: string; readonly publicKey: string; readonly cases: readonly SigningCase[] };

const readText = (name: string): string => readFileSync(new URL(`protocol/${name}.json`, import.meta.url), 'utf8');
const canonical: readonly CanonicalCase[] = JSON.parse(readText('canonical-json')).cases;
const signing: SigningFile = JSON.parse(readText('signing'));
const redaction: readonly RedactionCase[] = JSON.parse(readText('redaction')).cases;
const eventFormat: readonly FormatCase[] = JSON.parse(readText('event-format')).cases;
const identifiers: readonly IdentifierCase[] = JSON.parse(readText('identifiers')).cases;

const isMembers = (value: Json | undefined): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Canonical JSON of what `JSON.parse` gave, by comparing the UTF-8 bytes of keys: enough for small integers. */
function canonicalise(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalise).join(',')}]`;
  if (!isMembers(value)) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalise(member)}`).join(',')}}`;
}

const uncovered = new Set(['signatures', 'unsigned']);
function signedBytes(value: Members): Buffer {
  return Buffer.from(canonicalise(Object.fromEntries(Object.entries(value).filter(([key]) => !uncovered.has(key)))));
}

void test('names are unique and versions exist', () => {
  for (const group of [canonical, signing.cases, redaction, eventFormat, identifiers]) {
    const names = group.map((entry) => entry.name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, versions } of group.filter(
      (entry): entry is Required<Named> & typeof entry => 'versions' in entry,
    )) {
      assert.ok(versions.length > 0 && versions.every((version) => findRoomVersion(version)), name);
    }
  }
});

void test('canonical texts are canonical', () => {
  const reasons = new Set([
    'syntax',
    'encoding',
    'float',
    'range',
    'negative-zero',
    'lone-surrogate',
    'duplicate-key',
    'depth',
  ]);
  for (const { name, input, inputHex, strict, tolerant } of canonical) {
    assert.ok((input === undefined) !== (inputHex === undefined), name);
    for (const outcome of [strict, tolerant]) {
      assert.ok((outcome.canonical === undefined) !== (outcome.refused === undefined), name);
      const reason = outcome.refused ?? outcome.orRefused;
      if (reason !== undefined) assert.ok(reasons.has(reason), `${name}: ${reason}`);
    }
    if (strict.canonical !== undefined) {
      assert.equal(canonicalise(JSON.parse(input ?? '')), strict.canonical, name);
      assert.equal(canonicalise(JSON.parse(strict.canonical)), strict.canonical, name);
    }
    if (strict.refused === 'syntax') assert.throws(() => JSON.parse(input ?? ''), SyntaxError, name);
  }
});

void test('signatures and hashes are those of the key and the text', () => {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const der = Buffer.concat([prefix, Buffer.from(signing.seed, 'base64')]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  assert.equal(spki.subarray(-32).toString('base64').replaceAll('=', ''), signing.publicKey);
  for (const { name, operation, input, output } of signing.cases) {
    if (operation === 'base64' && typeof input === 'string') {
      assert.equal(Buffer.from(input).toString('base64').replaceAll('=', ''), output, name);
    } else if (operation === 'sign-json' && isMembers(input) && isMembers(output)) {
      const signature = sign(null, signedBytes(input), secret).toString('base64').replaceAll('=', '');
      const signatures = output['signatures'];
      const own = isMembers(signatures) ? signatures['domain'] : undefined;
      assert.deepEqual(own, { 'ed25519:1': signature }, name);
    } else if (operation === 'sign-event' && isMembers(input) && isMembers(output)) {
      const covered = Object.fromEntries(Object.entries(input).filter(([key]) => key !== 'hashes'));
      const hash = createHash('sha256').update(signedBytes(covered)).digest('base64').replaceAll('=', '');
      assert.deepEqual(output['hashes'], { sha256: hash }, name);
    }
  }
});

void test('signatures to be verified are good or bad as the cases say', () => {
  for (const { name, operation, input, entity, keys, valid } of signing.cases) {
    if (operation !== 'verify-json' || !isMembers(input)) continue;
    const signatures = isMembers(input['signatures']) ? input['signatures'][entity ?? ''] : undefined;
    const good = Object.entries(isMembers(signatures) ? signatures : {}).some(([id, signature]) => {
      const key = keys?.[id];
      if (key === undefined || typeof signature !== 'string') return false;
      const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64')]);
      const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
      return verify(null, signedBytes(input), publicKey, Buffer.from(signature, 'base64'));
    });
    assert.equal(good, valid, name);
  }
});

void test('redaction takes away and adds nothing', () => {
  for (const { name, event, redacted } of redaction) {
    const dropped = Object.keys(redacted).filter((key) => !(key in event));
    assert.deepEqual(dropped, [], name);
    for (const key of Object.keys(redacted)) {
      if (key !== 'content') assert.deepEqual(redacted[key], event[key], `${name}: ${key}`);
    }
    const [before, after] = [event['content'], redacted['content']];
    assert.ok(isMembers(before) && isMembers(after), name);
    for (const [key, value] of Object.entries(after)) {
      if (key !== 'third_party_invite')
        assert.deepEqual(value, Object.getOwnPropertyDescriptor(before, key)?.value, name);
    }
  }
});

void test('sizes and numbers are those of the names', () => {
  const sizes: [name: string, size: number, value: Json | undefined][] = [];
  for (const { name, event } of eventFormat) {
    const [, label = '', size] = /^(type|state-key|sender|room-id|event-id)-(\d+)-bytes/.exec(name) ?? [];
    if (size !== undefined) sizes.push([name, Number(size), event?.[label.replace('-', '_')]]);
    const [, list = '', length] = /^(prev-events|auth-events)-(\d+)/.exec(name) ?? [];
    const entries = event?.[list.replace('-', '_')];
    if (length !== undefined) assert.equal(Array.isArray(entries) ? entries.length : undefined, Number(length), name);
  }
  for (const { name, value } of identifiers) {
    const [, size] = /-(\d+)-bytes/.exec(name) ?? [];
    if (size !== undefined) sizes.push([name, Number(size), value]);
  }
  assert.ok(sizes.length > 30);
  for (const [name, size, value] of sizes) {
    assert.equal(typeof value === 'string' ? Buffer.byteLength(value, 'utf8') : undefined, size, name);
  }
});

void test('every outcome occurs for every kind', () => {
  for (const kind of new Set(identifiers.map((entry) => entry.kind))) {
    const outcomes = new Set(identifiers.filter((entry) => entry.kind === kind).map((entry) => entry.valid));
    assert.equal(outcomes.size, 2, kind);
  }
  for (const version of ['1', '6', '12']) {
    const expected = eventFormat.filter((entry) => entry.versions?.includes(version)).map((entry) => entry.expect);
    assert.deepEqual([...new Set(expected)].toSorted(), ['invalid', 'valid'], version);
  }
});

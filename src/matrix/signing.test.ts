/** Owns the proof that keys, signatures and hashes are those of the specification's test vectors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64, encodeBase64 } from '#matrix/base64.ts';
import { contentHash, signedText } from '#matrix/hashes.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import {
  exportSeed,
  generateSigningKey,
  importSigningKey,
  importVerifyKey,
  isSignatureValid,
  isSignatureValidInPool,
  signText,
  type SigningKey,
  type VerifyKey,
} from '#matrix/signing-keys.ts';
import { checkJsonSignature, checkSignatures, hashAndSignEvent, signEvent, signJson } from '#matrix/signing.ts';

// Appendices, "Cryptographic Test Vectors".
const seed = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1';
const key = importSigningKey('ed25519:1', seed)!;
const signer = { serverName: 'domain', key };
const version1 = findRoomVersion('1')!;

function verifyKeys(...keys: SigningKey[]): Map<string, VerifyKey> {
  return new Map(keys.map((each) => [each.keyId, importVerifyKey(each.publicKey)!]));
}

test('vector: unpadded base64', () => {
  const examples = { '': '', f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' };
  for (const [text, encoded] of Object.entries(examples)) {
    assert.equal(encodeBase64(Buffer.from(text)), encoded);
    assert.equal(decodeBase64(encoded)?.toString(), text);
    assert.equal(decodeBase64(Buffer.from(text).toString('base64'))?.toString(), text);
  }
  for (const wrong of ['Z', 'Zg===', 'Zm-v', 'Zm_v', 'Zm v', 'Zg=g'])
    assert.equal(decodeBase64(wrong), undefined, wrong);
});

test('vector: JSON signing', () => {
  assert.deepEqual(signJson({}, signer), {
    signatures: {
      domain: {
        'ed25519:1': 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ',
      },
    },
  });
  assert.deepEqual(signJson({ one: 1, two: 'Two' }, signer), {
    one: 1,
    signatures: {
      domain: {
        'ed25519:1': 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw',
      },
    },
    two: 'Two',
  });
});

const minimal: JsonObject = {
  room_id: '!x:domain',
  sender: '@a:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  signatures: {},
  hashes: {},
  type: 'X',
  content: {},
  prev_events: [],
  auth_events: [],
  depth: 3,
  unsigned: { age_ts: 1000000 },
};
const withBody: JsonObject = {
  content: { body: 'Here is the message content' },
  event_id: '$0:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  type: 'm.room.message',
  room_id: '!r:domain',
  sender: '@u:domain',
  signatures: {},
  unsigned: { age_ts: 1000000 },
};

test('vector: event signing', () => {
  assert.deepEqual(hashAndSignEvent(minimal, version1, signer), {
    ...minimal,
    hashes: { sha256: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos' },
    signatures: {
      domain: {
        'ed25519:1': 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
      },
    },
  });
  assert.deepEqual(hashAndSignEvent(withBody, version1, signer), {
    ...withBody,
    hashes: { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' },
    signatures: {
      domain: {
        'ed25519:1': 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
      },
    },
  });
});

test('the signature of an event holds for its redacted copy, the content hash only for the whole', () => {
  const signed = hashAndSignEvent(withBody, version1, signer);
  const redacted: JsonObject = { ...signed, content: {} };
  for (const copy of [signed, redacted]) {
    const verdict = checkSignatures(signedText(copy, version1), copy['signatures'], 'domain', verifyKeys(key));
    assert.deepEqual(verdict, { ok: true });
  }
  assert.deepEqual(signed['hashes'], { sha256: contentHash(signed) });
  assert.notDeepEqual(redacted['hashes'], { sha256: contentHash(redacted) });
});

test('another server can add its signature, and both hold', () => {
  const other = { serverName: 'other', key: generateSigningKey('x') };
  const signed = signEvent(hashAndSignEvent(withBody, version1, signer), version1, other);
  const text = signedText(signed, version1);
  assert.deepEqual(checkSignatures(text, signed['signatures'], 'domain', verifyKeys(key)), { ok: true });
  assert.deepEqual(checkSignatures(text, signed['signatures'], 'other', verifyKeys(other.key)), { ok: true });
});

test('checking a signature: who must have signed, with which keys', () => {
  const second = generateSigningKey('2');
  const signed = signJson({ a: 1, unsigned: { b: 2 } }, signer);
  const twice = signJson(signed, { serverName: 'domain', key: second });
  assert.deepEqual(checkJsonSignature(twice, 'domain', verifyKeys(key, second)), { ok: true });
  assert.deepEqual(checkJsonSignature(twice, 'domain', verifyKeys(second)), { ok: true }, 'unknown keys are skipped');
  assert.deepEqual(checkJsonSignature({ ...twice, unsigned: {} }, 'domain', verifyKeys(key)), { ok: true });
  const unsigned = { ok: false, reason: 'unsigned' };
  for (const name of ['elsewhere', 'constructor', '__proto__']) {
    assert.deepEqual(checkJsonSignature(signed, name, verifyKeys(key)), unsigned);
  }
  assert.deepEqual(checkJsonSignature({ a: 1 }, 'domain', verifyKeys(key)), unsigned);
  assert.deepEqual(
    checkJsonSignature({ signatures: { domain: { 'rsa:1': 'x' } } }, 'domain', verifyKeys(key)),
    unsigned,
  );
  assert.deepEqual(checkJsonSignature(signed, 'domain', new Map()), { ok: false, reason: 'unknown-key' });
  const invalid = { ok: false, reason: 'invalid' };
  assert.deepEqual(checkJsonSignature({ ...twice, a: 2 }, 'domain', verifyKeys(key, second)), invalid);
  const wrongKey = new Map([['ed25519:1', importVerifyKey(second.publicKey)!]]);
  assert.deepEqual(checkJsonSignature(signed, 'domain', wrongKey), invalid);
  for (const signature of [7, null, '', 'AAAA', 'no base64!', 'A'.repeat(86)]) {
    const forged = { a: 1, signatures: { domain: { 'ed25519:1': signature } } };
    assert.deepEqual(checkJsonSignature(forged, 'domain', verifyKeys(key)), invalid);
  }
});

test('keys: a seed goes out and comes in again, and what is none is refused', async () => {
  // The specification's seed has stray bits in its last character, so the bytes are compared.
  assert.deepEqual(decodeBase64(exportSeed(key)), decodeBase64(seed));
  const generated = generateSigningKey('abc_1');
  const again = importSigningKey(generated.keyId, exportSeed(generated))!;
  assert.equal(again.publicKey, generated.publicKey);
  const signature = signText('é', again);
  assert.ok(isSignatureValid('é', signature, importVerifyKey(generated.publicKey)!));
  assert.equal(await isSignatureValidInPool('é', signature, importVerifyKey(generated.publicKey)!), true);
  assert.equal(await isSignatureValidInPool('e', signature, importVerifyKey(generated.publicKey)!), false);
  assert.equal(importSigningKey('ed25519:1', 'AAAA'), undefined);
  assert.equal(importSigningKey('rsa:1', seed), undefined);
  assert.equal(importVerifyKey('AAAA'), undefined);
  assert.throws(() => generateSigningKey('no spaces'), TypeError);
});

/** Owns ed25519 keys: making, storing and reading them, and the signature of a text. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeBase64, encodeBase64 } from '#matrix/base64.ts';

/** A signing key of ours. The key object is kept: making it from the bytes each time doubles the cost of a signature. */
export type SigningKey = {
  /** `ed25519:` and the key's own name. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
  /** 32 bytes in unpadded base64, as `/_matrix/key/v2/server` publishes it. */
  readonly publicKey: string;
};

/** A public key of anybody, parsed once. */
export type VerifyKey = KeyObject;

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
// What stands before the 32 bytes in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410).
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const keyIdShape = /^ed25519:[A-Za-z0-9_]+$/;

const verifyInPool = promisify<string, Buffer, VerifyKey, Buffer, boolean>((_algorithm, text, key, signature, done) =>
  verify(null, text, key, signature, done),
);

/** A new key with the given name, `[A-Za-z0-9_]+`. */
export function generateSigningKey(name: string): SigningKey {
  return signingKeyOf(`ed25519:${name}`, generateKeyPairSync('ed25519').privateKey);
}

/** A key from its seed, 32 bytes in base64. Undefined if the seed or the id is none. */
export function importSigningKey(keyId: string, seed: string): SigningKey | undefined {
  const bytes = decodeBase64(seed);
  if (bytes?.length !== KEY_BYTES || !keyIdShape.test(keyId)) return undefined;
  return signingKeyOf(
    keyId,
    createPrivateKey({ key: Buffer.concat([pkcs8Prefix, bytes]), format: 'der', type: 'pkcs8' }),
  );
}

/** The seed in unpadded base64, from which `importSigningKey` makes the key again. It is a secret. */
export function exportSeed(key: SigningKey): string {
  return encodeBase64(key.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(pkcs8Prefix.length));
}

function signingKeyOf(keyId: string, privateKey: KeyObject): SigningKey {
  if (!keyIdShape.test(keyId)) throw new TypeError(`${keyId} is no ed25519 key id.`);
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { keyId, privateKey, publicKey: encodeBase64(der.subarray(spkiPrefix.length)) };
}

/** A public key, 32 bytes in base64. Undefined if it is none. Keep the result: parsing costs more than it seems. */
export function importVerifyKey(publicKey: string): VerifyKey | undefined {
  const bytes = decodeBase64(publicKey);
  if (bytes?.length !== KEY_BYTES) return undefined;
  return createPublicKey({ key: Buffer.concat([spkiPrefix, bytes]), format: 'der', type: 'spki' });
}

/** The signature of the text's UTF-8 form, in unpadded base64. It takes about 35 µs. */
export function signText(text: string, key: SigningKey): string {
  // 64 bytes are always 86 characters and two `=`.
  return sign(null, Buffer.from(text), key.privateKey).toString('base64').slice(0, 86);
}

/** Whether the base64 signature is the key's over the text. It takes about 100 µs. */
export function isSignatureValid(text: string, signature: string, key: VerifyKey): boolean {
  const bytes = decodeBase64(signature);
  return bytes?.length === SIGNATURE_BYTES && verify(null, Buffer.from(text), key, bytes);
}

/** `isSignatureValid` for a public key in base64 that is met once; false if it is none. */
export function isSignedByKey(text: string, signature: string, publicKey: string | undefined): boolean {
  const key = publicKey === undefined ? undefined : importVerifyKey(publicKey);
  return key !== undefined && isSignatureValid(text, signature, key);
}

/** `isSignatureValid` on Node's thread pool, for batches of events from other servers. */
export async function isSignatureValidInPool(text: string, signature: string, key: VerifyKey): Promise<boolean> {
  const bytes = decodeBase64(signature);
  return bytes?.length === SIGNATURE_BYTES && verifyInPool('ed25519', Buffer.from(text), key, bytes);
}

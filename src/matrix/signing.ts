/** Owns the signatures of JSON objects and of events. */
import { canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import { contentHash, signedText } from '#matrix/hashes.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import {
  importVerifyKey,
  isSignatureValid,
  isSignatureValidInPool,
  signText,
  type SigningKey,
  type VerifyKey,
} from '#matrix/signing-keys.ts';

/** The name of the server that signs, with one of its keys. */
export type Signer = { readonly serverName: string; readonly key: SigningKey };

export type SignatureVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'unsigned' | 'unknown-key' | 'invalid' };

/**
 * The object with our signature added to those it has. `unsigned` stays and is not covered.
 * Specification: Appendices, "Signing Details".
 */
export function signJson(object: JsonObject, signer: Signer): JsonObject {
  return withSignature(object, signer, signText(coveredText(object), signer.key));
}

/**
 * Checks the signatures that an entity made over the object with the keys that are known: one at least, and every one
 * of them, must be valid; those of unknown keys are skipped. `keys` are the entity's, by key id.
 * Specification: Appendices, "Checking for a Signature".
 */
export function checkJsonSignature(
  object: JsonObject,
  entity: string,
  keys: ReadonlyMap<string, VerifyKey>,
): SignatureVerdict {
  return checkSignatures(coveredText(object), object['signatures'], entity, keys);
}

/**
 * Whether one given signature over the object is that of a public key in base64, whoever is said to have made it:
 * what the auth rule about third-party invites asks.
 */
export function isJsonSignedBy(object: JsonObject, signature: string, publicKey: string): boolean {
  const key = importVerifyKey(publicKey);
  return key !== undefined && isSignatureValid(coveredText(object), signature, key);
}

/**
 * `checkJsonSignature` for a text that is at hand already, as that of an event is (`ValidatedPdu.signedText`).
 * Specification: Server-Server API, "Validating hashes and signatures on received events".
 */
export function checkSignatures(
  text: string,
  signatures: JsonValue | undefined,
  entity: string,
  keys: ReadonlyMap<string, VerifyKey>,
): SignatureVerdict {
  const selected = selectSignatures(signatures, entity, keys);
  if (!selected.ok) return selected;
  const isValid = selected.pairs.every(({ signature, key }) => isSignatureValid(text, signature, key));
  return isValid ? { ok: true } : { ok: false, reason: 'invalid' };
}

/** `checkSignatures` on Node's thread pool, for batches: one signature takes longer there than here. */
export async function checkSignaturesInPool(
  text: string,
  signatures: JsonValue | undefined,
  entity: string,
  keys: ReadonlyMap<string, VerifyKey>,
): Promise<SignatureVerdict> {
  const selected = selectSignatures(signatures, entity, keys);
  if (!selected.ok) return selected;
  const checks = selected.pairs.map(({ signature, key }) => isSignatureValidInPool(text, signature, key));
  const isValid = (await Promise.all(checks)).every((valid) => valid);
  return isValid ? { ok: true } : { ok: false, reason: 'invalid' };
}

type Selected =
  | { readonly ok: true; readonly pairs: readonly { readonly signature: string; readonly key: VerifyKey }[] }
  | { readonly ok: false; readonly reason: 'unsigned' | 'unknown-key' | 'invalid' };

/** What an entity has signed with known keys. */
function selectSignatures(
  signatures: JsonValue | undefined,
  entity: string,
  keys: ReadonlyMap<string, VerifyKey>,
): Selected {
  const ours = memberOf(signatures, entity);
  const ed25519 = Object.entries(isObject(ours) ? ours : {}).filter(([keyId]) => keyId.startsWith('ed25519:'));
  if (ed25519.length === 0) return { ok: false, reason: 'unsigned' };
  const pairs = [];
  for (const [keyId, signature] of ed25519) {
    const key = keys.get(keyId);
    if (key === undefined) continue;
    if (typeof signature !== 'string') return { ok: false, reason: 'invalid' };
    pairs.push({ signature, key });
  }
  return pairs.length > 0 ? { ok: true, pairs } : { ok: false, reason: 'unknown-key' };
}

/**
 * The event with our signature added: over its redacted form, so that the signature outlives a redaction. `hashes`
 * must be there already.
 * Specification: Server-Server API, "Signing Events".
 */
export function signEvent(event: JsonObject, version: RoomVersion, signer: Signer): JsonObject {
  return withSignature(event, signer, signText(signedText(event, version), signer.key));
}

/**
 * The event with its content hash and our signature, for events that others made the draft of. `buildEvent` does the
 * same faster for our own.
 */
export function hashAndSignEvent(event: JsonObject, version: RoomVersion, signer: Signer): JsonObject {
  return signEvent({ ...event, hashes: { sha256: contentHash(event) } }, version, signer);
}

/** What a signature of the object covers: its canonical JSON without `signatures` and `unsigned`. */
export function coveredText(object: JsonObject): string {
  const { signatures: _signatures, unsigned: _unsigned, ...covered } = object;
  return canonicalJsonOfOldVersions(covered);
}

function withSignature(object: JsonObject, signer: Signer, signature: string): JsonObject {
  const before = isObject(object['signatures']) ? object['signatures'] : {};
  const ours = memberOf(before, signer.serverName);
  return {
    ...object,
    signatures: {
      ...before,
      [signer.serverName]: { ...(isObject(ours) ? ours : {}), [signer.key.keyId]: signature },
    },
  };
}

function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Owns reading the document by which another server publishes its keys. */
import { decodeBase64 } from '#matrix/base64.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { importVerifyKey, type VerifyKey } from '#matrix/signing-keys.ts';
import { checkJsonSignature } from '#matrix/signing.ts';

export type PublishedKey = {
  readonly keyId: string;
  readonly publicKey: Buffer;
  readonly key: VerifyKey;
  /** Until when a key in use may be relied on; undefined for an old one. Milliseconds since 1970, as the next. */
  readonly validUntilTs: number | undefined;
  /** Since when an old key is not in use. */
  readonly expiredTs: number | undefined;
};

export type PublishedKeys = { readonly document: JsonObject; readonly keys: readonly PublishedKey[] };

export const KEYS_BYTES_MAX = 65_536;
const KEYS_MAX = 200;
/** Specification: nobody relies on a key for longer than this, whatever its server says. */
const VALID_MS_MAX = 7 * 24 * 3_600_000;
const keyIdShape = /^ed25519:[^\0]{1,250}$/;

/**
 * The keys of the document, if it is that of the server and signed by one of the keys in use that it names, and not wrongly
 * by another; undefined if not. Keys of other algorithms are left out.
 * Specification: Server-Server API, "Publishing Keys".
 */
export function readServerKeys(document: JsonValue, publisher: string, now: number): PublishedKeys | undefined {
  if (!isJsonObject(document) || document['server_name'] !== publisher) return undefined;
  const { valid_until_ts: until, verify_keys: current, old_verify_keys: old = {} } = document;
  if (typeof until !== 'number' || !isJsonObject(current) || !isJsonObject(old)) return undefined;
  const validUntilTs = Math.min(Math.trunc(until), now + VALID_MS_MAX);
  const inUse = Object.entries(current).flatMap(([keyId, value]) => readKey(keyId, value, { validUntilTs }) ?? []);
  const known = new Map(inUse.map(({ keyId, key }) => [keyId, key]));
  if (inUse.length === 0 || inUse.length > KEYS_MAX) return undefined;
  if (!checkJsonSignature(document, publisher, known).ok) return undefined;
  const past = Object.entries(old).flatMap(([keyId, value]) => {
    const expiredTs = isJsonObject(value) ? value['expired_ts'] : undefined;
    // A key that is in use and expired at once is in use.
    if (typeof expiredTs !== 'number' || !Number.isSafeInteger(expiredTs) || known.has(keyId)) return [];
    return readKey(keyId, value, { expiredTs }) ?? [];
  });
  return { document, keys: [...inUse, ...past.slice(0, KEYS_MAX - inUse.length)] };
}

/** The document out of an answer's bytes. */
export function parseServerKeys(bytes: Buffer, publisher: string, now: number): PublishedKeys | undefined {
  const parsed = parseJsonBytes(bytes, { bytesMax: KEYS_BYTES_MAX, numbers: 'any' });
  return parsed.ok ? readServerKeys(parsed.value, publisher, now) : undefined;
}

function readKey(
  keyId: string,
  value: JsonValue,
  times: { readonly validUntilTs?: number; readonly expiredTs?: number },
): PublishedKey | undefined {
  const text = isJsonObject(value) ? value['key'] : undefined;
  if (typeof text !== 'string' || !keyIdShape.test(keyId)) return undefined;
  const key = importVerifyKey(text);
  const publicKey = decodeBase64(text);
  if (key === undefined || publicKey === undefined) return undefined;
  return { keyId, publicKey, key, validUntilTs: times.validUntilTs, expiredTs: times.expiredTs };
}

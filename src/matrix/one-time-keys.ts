/** Owns the shape of the keys that others use up: one-time keys and fallback keys. */
import { canonicalJson } from '#matrix/canonical-json.ts';
import { isKeyName, isObject } from '#matrix/key-signatures.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';

const KEY_BYTES_MAX = 4_096;

/** One key under its name `<algorithm>:<keyId>`. */
export type OneTimeKey = { readonly algorithm: string; readonly keyId: string; readonly json: string };

/**
 * Checks a map of such keys, in its order; a string says what is wrong.
 * Specification: Client-Server API, "One-time and fallback keys".
 */
export function checkOneTimeKeys(keys: JsonObject): OneTimeKey[] | string {
  const checked: OneTimeKey[] = [];
  for (const [name, value] of Object.entries(keys)) {
    if (!isKeyName(name)) return 'A one-time key is named by its algorithm, ":" and its ID.';
    if (!isKey(value)) return 'A one-time key is a string, or an object with the strings "key" and "signatures".';
    const json = canonicalJson(value);
    if (Buffer.byteLength(json) > KEY_BYTES_MAX) return `A one-time key may have ${KEY_BYTES_MAX} bytes at most.`;
    const colon = name.indexOf(':');
    checked.push({ algorithm: name.slice(0, colon), keyId: name.slice(colon + 1), json });
  }
  return checked;
}

function isKey(value: JsonValue): boolean {
  if (typeof value === 'string') return true;
  return isObject(value) && typeof value['key'] === 'string' && isObject(value['signatures']);
}

/** Owns the member `signatures` of public keys: who signed them, with which key. */
import type { JsonValue } from '#matrix/pdu.ts';

/** By user id and key id (`ed25519:…`) the signature in base64. */
export type KeySignatures = { readonly [userId: string]: { readonly [keyId: string]: string } };

const ID_LENGTH_MAX = 255;

/** The signatures that one user made; undefined if the value is not shaped like signatures. */
export function findSignaturesBy(value: JsonValue | undefined, userId: string): Map<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const found = new Map<string, string>();
  for (const [signer, byKey] of Object.entries(value)) {
    if (!isObject(byKey)) return undefined;
    for (const [keyId, signature] of Object.entries(byKey)) {
      if (typeof signature !== 'string' || !isKeyName(keyId)) return undefined;
      if (signer === userId) found.set(keyId, signature);
    }
  }
  return found;
}

/** Whether a text is `<algorithm>:<name>`, as the names of all keys are, and can be stored. */
export function isKeyName(text: string): boolean {
  return text.length <= ID_LENGTH_MAX && /^[^:\0]+:[^\0]+$/.test(text);
}

export function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

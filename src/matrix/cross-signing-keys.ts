/** Owns the shape of the three keys by which a user signs devices and other users. */
import { decodeBase64, encodeBase64 } from '#matrix/base64.ts';
import { findSignaturesBy, isObject } from '#matrix/key-signatures.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import { coveredText } from '#matrix/signing.ts';

const CROSS_SIGNING_KEY_BYTES_MAX = 16_384;
const PUBLIC_KEY_BYTES = 32;

export const crossSigningUsages = ['master', 'self_signing', 'user_signing'] as const;
export type CrossSigningUsage = (typeof crossSigningUsages)[number];

export type CrossSigningKey = {
  readonly usage: CrossSigningUsage;
  /** In unpadded base64, which is also the key's name behind `ed25519:`. */
  readonly publicKey: string;
  /** The canonical JSON that signatures cover. */
  readonly signedText: string;
  /** The user's own signatures, by key id. */
  readonly signatures: ReadonlyMap<string, string>;
};

/** Checks the shape of one key; a string says what is wrong. Specification: Client-Server API, "Cross-signing". */
export function checkCrossSigningKey(
  value: JsonValue,
  usage: CrossSigningUsage,
  userId: string,
): CrossSigningKey | string {
  if (!isObject(value)) return `The ${usage} key must be an object.`;
  if (value['user_id'] !== userId) return `The ${usage} key must have the caller's "user_id".`;
  if (!Array.isArray(value['usage']) || !value['usage'].includes(usage))
    return `The ${usage} key must have that "usage".`;
  const keys = isObject(value['keys']) ? Object.entries(value['keys']) : [];
  const [[name, publicKey] = []] = keys;
  if (
    keys.length !== 1 ||
    typeof publicKey !== 'string' ||
    name !== `ed25519:${publicKey}` ||
    !isPublicKey(publicKey)
  ) {
    return `The ${usage} key must have one ed25519 key, of 32 bytes in unpadded base64, which is also its name.`;
  }
  const signatures = findSignaturesBy(value['signatures'] ?? {}, userId);
  if (signatures === undefined) return `The ${usage} key's "signatures" must be by user ID and key ID.`;
  const signedText = coveredText(value);
  if (Buffer.byteLength(JSON.stringify(value)) > CROSS_SIGNING_KEY_BYTES_MAX) {
    return `The ${usage} key may have ${CROSS_SIGNING_KEY_BYTES_MAX} bytes at most.`;
  }
  return { usage, publicKey, signedText, signatures };
}

/** Whether a text is an ed25519 public key in the one form that names it. */
export function isPublicKey(text: string): boolean {
  const bytes = decodeBase64(text);
  return bytes?.length === PUBLIC_KEY_BYTES && encodeBase64(bytes) === text;
}

/** Owns the shape of the identity keys that a device publishes. */
import { findSignaturesBy, isKeyName, isObject } from '#matrix/key-signatures.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import { coveredText } from '#matrix/signing.ts';

const DEVICE_KEYS_BYTES_MAX = 16_384;

export type DeviceKeys = {
  readonly userId: string;
  readonly deviceId: string;
  /** The canonical JSON that signatures cover. */
  readonly signedText: string;
  /** The user's own signatures, by key id. */
  readonly signatures: ReadonlyMap<string, string>;
};

/**
 * Checks the shape of a device's keys; a string says what is wrong. The signature by the device itself is the readers'
 * to check, who trust no server.
 * Specification: Client-Server API, `POST /keys/upload`, DeviceKeys.
 */
export function checkDeviceKeys(value: JsonValue): DeviceKeys | string {
  if (!isObject(value)) return 'The device keys must be an object.';
  const { user_id: userId, device_id: deviceId, algorithms, keys, signatures } = value;
  if (typeof userId !== 'string') return 'The device keys need the string "user_id".';
  if (typeof deviceId !== 'string') return 'The device keys need the string "device_id".';
  if (!Array.isArray(algorithms) || !algorithms.every((name) => typeof name === 'string')) {
    return 'The device keys need "algorithms", a list of strings.';
  }
  if (!isObject(keys)) return 'The device keys need the object "keys".';
  for (const [name, key] of Object.entries(keys)) {
    if (!isKeyName(name) || !name.endsWith(`:${deviceId}`))
      return 'A key is named by its algorithm, ":" and the device ID.';
    if (typeof key !== 'string') return 'Every one of the "keys" must be a string.';
  }
  const own = findSignaturesBy(signatures, userId);
  if (own === undefined) return 'The device keys need "signatures", by user ID and key ID.';
  const signedText = coveredText(value);
  if (Buffer.byteLength(signedText) > DEVICE_KEYS_BYTES_MAX || sizeOf(own) > DEVICE_KEYS_BYTES_MAX) {
    return `The device keys may have ${DEVICE_KEYS_BYTES_MAX} bytes at most.`;
  }
  return { userId, deviceId, signedText, signatures: own };
}

function sizeOf(signatures: ReadonlyMap<string, string>): number {
  let size = 0;
  for (const [keyId, signature] of signatures) size += keyId.length + signature.length;
  return size;
}

/** The public ed25519 key of a device, out of its signed text. */
export function findDeviceSigningKey(signedText: string, deviceId: string): string | undefined {
  const { keys }: { keys?: Record<string, string> } = JSON.parse(signedText);
  return keys?.[`ed25519:${deviceId}`];
}

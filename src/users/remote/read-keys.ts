/** Owns what of another server's account of its users' devices and keys is believed. */
import { checkCrossSigningKey, type CrossSigningKey } from '#matrix/cross-signing-keys.ts';
import { checkDeviceKeys } from '#matrix/device-keys.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { isSignedByKey } from '#matrix/signing-keys.ts';
import type { StoredCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';
import type { RemoteDevice } from '#storage/users/remote/find-remote-devices.ts';

/** A user with more is one of whom nothing is believed. */
export const REMOTE_DEVICES_MAX = 1_000;
const NAME_LENGTH_MAX = 255;

/** A user of another server as that server tells of them. */
export type RemoteKeys = {
  readonly devices: readonly RemoteDevice[];
  readonly signingKeys: readonly StoredCrossSigningKey[];
};

/** A device with its identity keys; undefined for what has not the shape, or is somebody else's. */
export function readDevice(
  userId: string,
  deviceId: string,
  keys: JsonValue | undefined,
  displayName: JsonValue | undefined,
): RemoteDevice | undefined {
  if (!isStorableDeviceId(deviceId) || keys === undefined) return undefined;
  const checked = checkDeviceKeys(keys);
  if (typeof checked === 'string' || checked.userId !== userId || checked.deviceId !== deviceId) return undefined;
  const signatures = JSON.stringify({ [userId]: Object.fromEntries(checked.signatures) });
  return { userId, deviceId, displayName: readName(displayName), signedText: checked.signedText, signatures };
}

/** The name of a device, cut to a length that can be shown; null for none. */
export function readName(displayName: JsonValue | undefined): string | null {
  if (typeof displayName !== 'string') return null;
  return displayName.replaceAll('\0', '').slice(0, NAME_LENGTH_MAX);
}

/** The database has no NUL in texts, and the empty id is no device's. */
export function isStorableDeviceId(deviceId: string): boolean {
  return deviceId !== '' && deviceId.length <= NAME_LENGTH_MAX && !deviceId.includes('\0');
}

/**
 * The master key, and the self-signing key if the master key has signed it: what else is said to be one would let the
 * server add devices that users have verified nothing of. Specification: Client-Server API, "Cross-signing".
 */
export function readSigningKeys(
  userId: string,
  { master, selfSigning }: { readonly master: JsonValue | undefined; readonly selfSigning: JsonValue | undefined },
): StoredCrossSigningKey[] {
  const masterKey = readKey(userId, master, 'master');
  if (masterKey === undefined) return [];
  const selfSigningKey = readKey(userId, selfSigning, 'self_signing');
  const signature = selfSigningKey?.signatures.get(`ed25519:${masterKey.publicKey}`);
  const isSigned =
    selfSigningKey !== undefined &&
    signature !== undefined &&
    isSignedByKey(selfSigningKey.signedText, signature, masterKey.publicKey);
  return [masterKey, ...(isSigned ? [selfSigningKey] : [])].map((key) => toStored(userId, key));
}

function readKey(
  userId: string,
  value: JsonValue | undefined,
  usage: 'master' | 'self_signing',
): CrossSigningKey | undefined {
  if (!isJsonObject(value)) return undefined;
  const checked = checkCrossSigningKey(value, usage, userId);
  return typeof checked === 'string' ? undefined : checked;
}

function toStored(
  userId: string,
  { usage, publicKey, signedText, signatures }: CrossSigningKey,
): StoredCrossSigningKey {
  return { usage, publicKey, signedText, signatures: JSON.stringify({ [userId]: Object.fromEntries(signatures) }) };
}

/** The answer of `POST /user/keys/query` about one user; undefined when it says nothing of them. */
export function readQueriedUser(answer: JsonObject, userId: string): RemoteKeys | undefined {
  const devices = memberOf(answer['device_keys'], userId);
  const master = memberOf(answer['master_keys'], userId);
  if (!isJsonObject(devices) && master === undefined) return undefined;
  const listed = isJsonObject(devices) ? Object.entries(devices) : [];
  if (listed.length > REMOTE_DEVICES_MAX) return undefined;
  return {
    devices: listed.flatMap(([deviceId, keys]) => {
      const unsigned = isJsonObject(keys) ? keys['unsigned'] : undefined;
      return readDevice(userId, deviceId, keys, memberOf(unsigned, 'device_display_name')) ?? [];
    }),
    signingKeys: readSigningKeys(userId, { master, selfSigning: memberOf(answer['self_signing_keys'], userId) }),
  };
}

/** The answer of `GET /user/devices/{userId}` with the version of the list; undefined for what has not the shape. */
export function readDeviceList(
  answer: JsonObject,
  userId: string,
): (RemoteKeys & { readonly streamId: number }) | undefined {
  const { user_id: toldId, stream_id: streamId, devices, master_key: master, self_signing_key: selfSigning } = answer;
  if (toldId !== userId || !isStreamId(streamId) || !Array.isArray(devices)) return undefined;
  if (devices.length > REMOTE_DEVICES_MAX) return undefined;
  const read = devices.flatMap((device) => {
    if (!isJsonObject(device) || typeof device['device_id'] !== 'string') return [];
    return readDevice(userId, device['device_id'], device['keys'], device['device_display_name']) ?? [];
  });
  const distinct = new Map(read.map((device) => [device.deviceId, device]));
  return { streamId, devices: [...distinct.values()], signingKeys: readSigningKeys(userId, { master, selfSigning }) };
}

/** Versions of lists are integers that the database and JavaScript hold exactly. */
export function isStreamId(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

export function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

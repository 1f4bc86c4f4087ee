/** Owns publishing the keys of a device: identity keys, one-time keys, fallback keys. */
import type { Clock } from '#core/clock.ts';
import { checkDeviceKeys, type DeviceKeys } from '#matrix/device-keys.ts';
import { MatrixError } from '#matrix/error.ts';
import { checkOneTimeKeys, type OneTimeKey } from '#matrix/one-time-keys.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { Tx } from '#storage/database.ts';
import { appendDeviceListChange, appendKeyCountChange } from '#streams/device-list-changes.ts';
import type { Streams } from '#streams/streams.ts';
import { lockAccountForKeys } from '#storage/users/keys/cross-signing-keys.ts';
import { deleteOneTimeKeysOf, deleteSignaturesOfDevices } from '#storage/users/keys/delete-keys.ts';
import { lockDeviceForKeys, persistDeviceKeys } from '#storage/users/keys/device-keys.ts';
import { findKeysOfDevice } from '#storage/users/keys/find-device-keys.ts';
import { findKeyCounts } from '#storage/users/keys/find-key-counts.ts';
import {
  countKeyAlgorithms,
  persistFallbackKeys,
  persistOneTimeKeys,
  pruneOneTimeKeys,
} from '#storage/users/keys/one-time-keys.ts';

/** Of each algorithm; a device that uploads more loses its oldest, as it may have forgotten them itself. */
export const ONE_TIME_KEYS_MAX = 500;
const KEY_ALGORITHMS_MAX = 5;
/** A client may repeat an upload whose answer it has not seen; by then it has given up. */
const CLAIMED_KEY_REMEMBERED_MS = 86_400_000;

export type UploadKeysParts = { readonly streams: Pick<Streams, 'write'>; readonly clock: Clock };

export type KeyOwner = {
  readonly userId: string;
  readonly userNid: number;
  readonly deviceId: string;
  readonly deviceNid: number;
};

export type KeysUpload = {
  readonly device_keys?: JsonObject;
  readonly one_time_keys?: JsonObject;
  readonly fallback_keys?: JsonObject;
};

/**
 * Stores what a device publishes, all of it or nothing, and gives the number of its unclaimed one-time keys by algorithm.
 * Throws M_BAD_JSON, M_INVALID_PARAM for keys of somebody else or a one-time key that exists with another value, M_TOO_LARGE.
 * Specification: Client-Server API, "Uploading keys".
 */
export async function uploadKeys(
  { streams, clock }: UploadKeysParts,
  owner: KeyOwner,
  upload: KeysUpload,
): Promise<Readonly<Record<string, number>>> {
  const deviceKeys = upload.device_keys && requireOwnDeviceKeys(upload.device_keys, owner);
  const oneTimeKeys = requireOneTimeKeys(upload.one_time_keys ?? {});
  const fallbackKeys = requireOneTimeKeys(upload.fallback_keys ?? {});
  if (new Set(fallbackKeys.map(({ algorithm }) => algorithm)).size < fallbackKeys.length) {
    throw new MatrixError('M_INVALID_PARAM', 'A device has one fallback key of each algorithm.');
  }
  return streams.write('deviceLists', async (tx) => {
    // Nobody judges signatures of the identity while it changes.
    if (deviceKeys !== undefined) await lockAccountForKeys(tx, owner.userNid);
    if (!(await lockDeviceForKeys(tx, owner.deviceNid))) {
      throw new MatrixError('M_UNKNOWN_TOKEN', 'This device has been logged out.');
    }
    const isChanged = deviceKeys !== undefined && (await replaceDeviceKeys(tx, owner, deviceKeys));
    if (isChanged) appendDeviceListChange(tx, owner.userNid, { changed: [owner.deviceId] });
    if (isChanged || oneTimeKeys.length + fallbackKeys.length > 0) appendKeyCountChange(tx, owner);
    await addOneTimeKeys(tx, owner.deviceNid, oneTimeKeys, clock.now());
    if (fallbackKeys.length > 0) await persistFallbackKeys(tx, owner.deviceNid, fallbackKeys);
    if ((await countKeyAlgorithms(tx, owner.deviceNid)) > KEY_ALGORITHMS_MAX) {
      throw new MatrixError('M_TOO_LARGE', `A device has keys of at most ${KEY_ALGORITHMS_MAX} algorithms.`);
    }
    return (await findKeyCounts(tx, owner.deviceNid)).oneTimeKeyCounts;
  });
}

function requireOwnDeviceKeys(value: JsonObject, { userId, deviceId }: KeyOwner): DeviceKeys {
  const checked = checkDeviceKeys(value);
  if (typeof checked === 'string') throw new MatrixError('M_BAD_JSON', checked);
  if (checked.userId !== userId || checked.deviceId !== deviceId) {
    throw new MatrixError('M_INVALID_PARAM', 'These keys are not of the device that uploads them.');
  }
  return checked;
}

function requireOneTimeKeys(keys: JsonObject): OneTimeKey[] {
  const count = Object.keys(keys).length;
  if (count > ONE_TIME_KEYS_MAX) {
    throw new MatrixError('M_TOO_LARGE', `At most ${ONE_TIME_KEYS_MAX} one-time keys can be uploaded at once.`);
  }
  const checked = checkOneTimeKeys(keys);
  if (typeof checked === 'string') throw new MatrixError('M_BAD_JSON', checked);
  return checked;
}

/** Whether anything is different from what the device had published. */
async function replaceDeviceKeys(tx: Tx, owner: KeyOwner, keys: DeviceKeys): Promise<boolean> {
  const { userId, userNid, deviceId, deviceNid } = owner;
  const signatures = JSON.stringify({ [userId]: Object.fromEntries(keys.signatures) });
  const former = await findKeysOfDevice(tx, deviceNid);
  if (former?.signedText === keys.signedText && former.signatures === signatures) return false;
  if (former !== undefined && former.signedText !== keys.signedText) {
    // Another identity: what the former one signed or was signed by is worth nothing.
    await deleteOneTimeKeysOf(tx, [deviceNid]);
    await deleteSignaturesOfDevices(tx, userNid, [deviceId]);
  }
  await persistDeviceKeys(tx, { deviceNid, userNid, deviceId, signedText: keys.signedText, signatures });
  return true;
}

async function addOneTimeKeys(tx: Tx, deviceNid: number, keys: readonly OneTimeKey[], now: number): Promise<void> {
  if (keys.length === 0) return;
  await pruneOneTimeKeys(tx, deviceNid, {
    claimedSince: now - CLAIMED_KEY_REMEMBERED_MS,
    unclaimedMax: ONE_TIME_KEYS_MAX - keys.length,
    allMax: ONE_TIME_KEYS_MAX,
  });
  const conflict = await persistOneTimeKeys(tx, { deviceNid, keys });
  if (conflict !== undefined) {
    throw new MatrixError('M_INVALID_PARAM', `The one-time key ${conflict} exists already, with another value.`);
  }
}

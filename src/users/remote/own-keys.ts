/** Owns the keys of users of this server as other servers may see them. */
import type { ReadTx } from '#storage/database.ts';
import { findCrossSigningKeysOf } from '#storage/users/keys/find-cross-signing-keys.ts';
import { findQueriedDevices } from '#storage/users/keys/find-device-keys.ts';
import { findVisibleSignatures } from '#storage/users/keys/find-key-signatures.ts';
import { groupSignatures, nameOf, signedJson } from '#users/keys/signed-json.ts';

export type OwnKeys = {
  /** The JSON of a device's keys with their signatures; undefined for a device without keys. */
  readonly deviceJson: (userId: string, deviceId: string) => string | undefined;
  /** `"master_key":…` and `"self_signing_key":…`, those that there are. */
  readonly signingKeyMembers: (userId: string) => readonly string[];
  /** The user's devices with keys, with their names. */
  readonly devicesOf: (userId: string) => readonly { readonly deviceId: string; readonly displayName: string | null }[];
};

/** Reads in three queries what is published of users of this server, for nobody in particular. */
export async function findOwnKeys(db: ReadTx, userIds: readonly string[]): Promise<OwnKeys> {
  const asked = userIds.map((userId) => ({ userId, deviceId: undefined }));
  const [found, keys, signatures] =
    userIds.length === 0
      ? [[], [], []]
      : await Promise.all([
          findQueriedDevices(db, asked),
          findCrossSigningKeysOf(db, userIds, undefined),
          findVisibleSignatures(db, userIds, undefined),
        ]);
  const added = groupSignatures(signatures);
  const devices = found.flatMap((device) => (device.deviceId === null ? [] : [device]));
  const byName = new Map(devices.map((device) => [nameOf(device.userId, device.deviceId), device]));
  return {
    deviceJson: (userId, deviceId) => {
      const name = nameOf(userId, deviceId);
      const device = byName.get(name);
      return device && `${signedJson(device, added.get(name))}}`;
    },
    signingKeyMembers: (userId) =>
      (['master', 'self_signing'] as const).flatMap((usage) => {
        const key = keys.find((each) => each.userId === userId && each.usage === usage);
        return key === undefined
          ? []
          : [`"${usage}_key":${signedJson(key, added.get(nameOf(userId, key.publicKey)))}}`];
      }),
    devicesOf: (userId) => devices.filter((device) => device.userId === userId),
  };
}

/** Owns which keys may sign which: the arrows of the picture in "Cross-signing". */
import type { CrossSigningUsage } from '#matrix/cross-signing-keys.ts';
import type { ReadTx } from '#storage/database.ts';
import { findCrossSigningKeysOf } from '#storage/users/keys/find-cross-signing-keys.ts';
import { findKeysOfDevices } from '#storage/users/keys/find-device-keys.ts';
import { findDeviceSigningKeys } from '#users/keys/device-signing-keys.ts';

export type SignableKey = {
  readonly userNid: number;
  readonly signedText: string;
  /** The name of the key itself. */
  readonly ownKeyId: string;
  /** The ids of the signer's keys that may sign it. */
  readonly signers: ReadonlySet<string>;
};

export type SignableKeys = {
  /** By user id, a space, and the key's id. */
  readonly targets: ReadonlyMap<string, SignableKey>;
  /** Those of the signer's devices that are among them. */
  readonly deviceIds: ReadonlySet<string>;
  /** The signer's public keys, by key id. */
  readonly publicKeys: ReadonlyMap<string, string>;
};

type Signer = { readonly userId: string; readonly userNid: number };

type Wanted = {
  readonly userIds: readonly string[];
  /** The signer's devices that are to be signed. */
  readonly deviceIds: readonly string[];
  readonly signingKeyIds: readonly string[];
};

/**
 * Reads, in three queries, the keys that somebody may sign: own devices by the self-signing key, the own master key by
 * devices, the other own keys by the master key, and the master keys of others by the user-signing key.
 */
export async function findSignableKeys(db: ReadTx, signer: Signer, wanted: Wanted): Promise<SignableKeys> {
  const { userId, userNid } = signer;
  const keys = await findCrossSigningKeysOf(db, [...new Set([userId, ...wanted.userIds])], userNid);
  const devices = await findKeysOfDevices(db, userNid, wanted.deviceIds);
  const deviceSigners = await findDeviceSigningKeys(db, userNid, wanted.signingKeyIds);
  const own = new Map(
    keys.filter((key) => key.userId === userId).map((key) => [key.usage, `ed25519:${key.publicKey}`]),
  );
  const by = (usage: CrossSigningUsage): ReadonlySet<string> => {
    const keyId = own.get(usage);
    return new Set(keyId === undefined ? [] : [keyId]);
  };

  const publicKeys = new Map(deviceSigners);
  const targets = new Map<string, SignableKey>();
  for (const { deviceId, signedText } of devices) {
    const signers = by('self_signing');
    targets.set(`${userId} ${deviceId}`, { userNid, signedText, ownKeyId: `ed25519:${deviceId}`, signers });
  }
  for (const key of keys) {
    const ownKeyId = `ed25519:${key.publicKey}`;
    const isOwn = key.userId === userId;
    if (isOwn) publicKeys.set(ownKeyId, key.publicKey);
    // Of others one trusts the person, who answers for everything below.
    if (!isOwn && key.usage !== 'master') continue;
    const devicesOrMaster = key.usage === 'master' ? new Set(deviceSigners.keys()) : by('master');
    const signers = isOwn ? devicesOrMaster : by('user_signing');
    targets.set(`${key.userId} ${key.publicKey}`, {
      userNid: key.userNid,
      signedText: key.signedText,
      ownKeyId,
      signers,
    });
  }
  return { targets, deviceIds: new Set(devices.map(({ deviceId }) => deviceId)), publicKeys };
}

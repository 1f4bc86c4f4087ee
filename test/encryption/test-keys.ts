/** Owns keys for tests: those of devices and users, really signed. */
import { checkJsonSignature, signJson } from '#matrix/signing.ts';
import { generateSigningKey, importVerifyKey, type SigningKey } from '#matrix/signing-keys.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { randomBytes } from 'node:crypto';

export type DeviceName = { readonly userId: string; readonly deviceId: string };

/** A key pair whose signatures go by any name, as those of devices and of users do. */
export type NamedKey = { readonly keyId: string; readonly publicKey: string; readonly pair: SigningKey };

export function makeKey(name?: string): NamedKey {
  const pair = generateSigningKey('test');
  return { keyId: `ed25519:${name ?? pair.publicKey}`, publicKey: pair.publicKey, pair };
}

/** The object with the signature of a user's key added. */
export function signAs(object: JsonObject, userId: string, key: NamedKey): JsonObject {
  return signJson(object, { serverName: userId, key: { ...key.pair, keyId: key.keyId } });
}

export function isSignedBy(object: JsonObject, userId: string, key: NamedKey): boolean {
  const verifyKey = importVerifyKey(key.publicKey);
  return verifyKey !== undefined && checkJsonSignature(object, userId, new Map([[key.keyId, verifyKey]])).ok;
}

export function randomKey(): string {
  return randomBytes(32).toString('base64').replaceAll('=', '');
}

/** Identity keys of a device, signed by its key. */
export function makeDeviceKeys({ userId, deviceId }: DeviceName): {
  readonly key: NamedKey;
  readonly keys: JsonObject;
} {
  const key = makeKey(deviceId);
  const keys = {
    user_id: userId,
    device_id: deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
    keys: { [`curve25519:${deviceId}`]: randomKey(), [key.keyId]: key.publicKey },
  };
  return { key, keys: signAs(keys, userId, key) };
}

/** One-time keys with the given ids, by their full names. */
export function makeOneTimeKeys(ids: readonly string[], { userId }: DeviceName, key: NamedKey): JsonObject {
  return Object.fromEntries(ids.map((id) => [`signed_curve25519:${id}`, signAs({ key: randomKey() }, userId, key)]));
}

export function makeFallbackKey(id: string, { userId }: DeviceName, key: NamedKey): JsonObject {
  return { [`signed_curve25519:${id}`]: signAs({ key: randomKey(), fallback: true }, userId, key) };
}

/** The three keys of a user as they are uploaded, the master key having signed the others. */
export type CrossSigning = {
  readonly master: NamedKey;
  readonly selfSigning: NamedKey;
  readonly userSigning: NamedKey;
  readonly upload: {
    readonly master_key: JsonObject;
    readonly self_signing_key: JsonObject;
    readonly user_signing_key: JsonObject;
  };
};

export function makeCrossSigning(userId: string): CrossSigning {
  const [master, selfSigning, userSigning] = [makeKey(), makeKey(), makeKey()];
  const object = (usage: string, { keyId, publicKey }: NamedKey): JsonObject => ({
    user_id: userId,
    usage: [usage],
    keys: { [keyId]: publicKey },
  });
  const upload = {
    master_key: object('master', master),
    self_signing_key: signAs(object('self_signing', selfSigning), userId, master),
    user_signing_key: signAs(object('user_signing', userSigning), userId, master),
  };
  return { master, selfSigning, userSigning, upload };
}

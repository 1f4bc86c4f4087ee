/** Owns publishing the keys by which a user signs devices and other users. */
import { canonicalJson } from '#matrix/canonical-json.ts';
import {
  checkCrossSigningKey,
  crossSigningUsages,
  type CrossSigningKey,
  type CrossSigningUsage,
} from '#matrix/cross-signing-keys.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { isSignedByKey } from '#matrix/signing-keys.ts';
import type { Tx } from '#storage/database.ts';
import { appendDeviceListChange } from '#streams/device-list-changes.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';
import { findDevice } from '#storage/users/find-devices.ts';
import {
  deleteCrossSigningKeys,
  lockAccountForKeys,
  persistCrossSigningKeys,
} from '#storage/users/keys/cross-signing-keys.ts';
import { findOwnCrossSigningKeys, type StoredCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';
import { findDeviceSigningKeys } from '#users/keys/device-signing-keys.ts';
import { authoriseUser, useConfirmation, type AuthoriseUserParts, type UserAuth } from '#users/uia/authorise-user.ts';

/** Keys by their names on the wire; each is optional. */
export type CrossSigningUpload = { readonly [Usage in CrossSigningUsage as `${Usage}_key`]?: JsonObject };

export type UploadParts = AuthoriseUserParts & { readonly streams: Pick<Streams, 'write'> };

type Owner = { readonly userId: string; readonly userNid: number };

/**
 * Stores the keys. Keys that replace others must be confirmed: then it gives the challenge to answer with, or stores
 * them if `auth` confirms. Throws M_BAD_JSON, M_INVALID_SIGNATURE for a key that the master key has not signed,
 * M_MISSING_PARAM without a master key, M_FORBIDDEN for a key that is named like a device.
 * Specification: Client-Server API, `POST /keys/device_signing/upload`.
 */
export async function uploadCrossSigningKeys(
  parts: UploadParts,
  owner: Owner,
  upload: CrossSigningUpload,
  auth: UserAuth | undefined,
): Promise<Record<string, unknown> | undefined> {
  const keys = crossSigningUsages.flatMap((usage) => {
    const given = upload[`${usage}_key`];
    return given === undefined ? [] : [requireKey(given, usage, owner.userId)];
  });
  const store = (sessionHash?: string): Promise<'stored' | 'unconfirmed'> =>
    parts.streams.write('deviceLists', (tx) => storeKeys(tx, owner, keys, sessionHash));
  if ((await store()) === 'stored') return undefined;
  const verdict = await authoriseUser(parts, {
    operation: 'client.uploadCrossSigningKeys',
    userNid: owner.userNid,
    request: canonicalJson(keys.map(({ signedText }) => signedText)),
    auth,
  });
  if (!verdict.authorised) return verdict.challenge;
  await store(verdict.sessionHash);
  return undefined;
}

function requireKey(value: JsonObject, usage: CrossSigningUsage, userId: string): CrossSigningKey {
  const checked = checkCrossSigningKey(value, usage, userId);
  if (typeof checked === 'string') throw new MatrixError('M_BAD_JSON', checked);
  return checked;
}

/** Stores what is new, unless it has to be confirmed and is not. */
async function storeKeys(
  tx: StreamTx,
  owner: Owner,
  keys: readonly CrossSigningKey[],
  sessionHash: string | undefined,
): Promise<'stored' | 'unconfirmed'> {
  const { userNid } = owner;
  await lockAccountForKeys(tx, userNid);
  const stored = new Map((await findOwnCrossSigningKeys(tx, userNid)).map((key) => [key.usage, key]));
  const master = keys.find(({ usage }) => usage === 'master') ?? stored.get('master');
  if (master === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'There is no master key yet: upload "master_key".');
  }
  const added = keys.filter((key) => stored.get(key.usage)?.signedText !== key.signedText);
  const rows = await requireSigned(tx, owner, added, master.publicKey);
  if (added.length === 0) return 'stored';
  for (const { publicKey } of added) {
    if ((await findDevice(tx, userNid, publicKey)) !== undefined) {
      throw new MatrixError('M_FORBIDDEN', 'The public key is the same as the ID of one of your devices.');
    }
  }
  if (stored.has('master') && sessionHash === undefined) return 'unconfirmed';
  if (sessionHash !== undefined) await useConfirmation(tx, sessionHash);

  // What a former master key has signed says nothing under another one, so all that is not replaced with it goes, too.
  const usages = added.some(({ usage }) => usage === 'master') ? crossSigningUsages : added.map(({ usage }) => usage);
  const publicKeys = usages.flatMap((usage) => stored.get(usage)?.publicKey ?? []);
  if (publicKeys.length > 0) await deleteCrossSigningKeys(tx, userNid, { usages, publicKeys });
  await persistCrossSigningKeys(tx, userNid, rows);
  appendDeviceListChange(tx, userNid, { signingKeys: true });
  return 'stored';
}

/**
 * The keys with those of their signatures that are known to be right. The master key has signed the others; it may itself
 * be signed by devices.
 */
async function requireSigned(
  tx: Tx,
  { userId, userNid }: Owner,
  keys: readonly CrossSigningKey[],
  masterKey: string,
): Promise<StoredCrossSigningKey[]> {
  const keyIds = keys.flatMap(({ signatures }) => [...signatures.keys()]);
  const signers = await findDeviceSigningKeys(tx, userNid, keyIds);
  const masterKeyId = `ed25519:${masterKey}`;
  signers.set(masterKeyId, masterKey);
  return keys.map(({ usage, publicKey, signedText, signatures }) => {
    const known = [...signatures].filter(
      ([keyId]) => (usage === 'master' || keyId === masterKeyId) && signers.has(keyId),
    );
    const isRight = known.every(([keyId, signature]) => isSignedByKey(signedText, signature, signers.get(keyId)));
    if (!isRight || (usage !== 'master' && known.length === 0)) {
      throw new MatrixError('M_INVALID_SIGNATURE', `The ${usage} key does not have the signatures that it needs.`);
    }
    return { usage, publicKey, signedText, signatures: JSON.stringify({ [userId]: Object.fromEntries(known) }) };
  });
}

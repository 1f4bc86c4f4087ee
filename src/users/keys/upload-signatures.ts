/** Owns publishing signatures on keys that are stored already: on own devices, and on other users whom one trusts. */
import { MatrixError } from '#matrix/error.ts';
import { findSignaturesBy } from '#matrix/key-signatures.ts';
import { isUserId } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { coveredText } from '#matrix/signing.ts';
import { isSignedByKey } from '#matrix/signing-keys.ts';
import { appendDeviceListChange, appendTrustChange, type DeviceListChange } from '#streams/device-list-changes.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';
import { lockAccountForKeys } from '#storage/users/keys/cross-signing-keys.ts';
import { persistKeySignatures, type NewKeySignature } from '#storage/users/keys/key-signatures.ts';
import { findSignableKeys, type SignableKeys } from '#users/keys/signable-keys.ts';

const SIGNED_KEYS_MAX = 500;
const SIGNATURES_PER_KEY_MAX = 10;

/** By user id and key id (of a device, or a public key) the key with its new signatures. */
export type SignaturesUpload = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;

type Failure = { readonly errcode: string; readonly error: string };
export type SignatureFailures = Record<string, Record<string, Failure>>;

type Owner = { readonly userId: string; readonly userNid: number };

/**
 * Stores the signatures that are right, and says of each key with others why they were refused: nothing of such a key is
 * stored. Throws M_TOO_LARGE. Specification: Client-Server API, `POST /keys/signatures/upload`.
 */
export async function uploadSignatures(
  { streams }: { readonly streams: Pick<Streams, 'write'> },
  owner: Owner,
  upload: SignaturesUpload,
): Promise<SignatureFailures> {
  const signed = Object.entries(upload).flatMap(([userId, keys]) =>
    Object.entries(keys).map(([keyId, object]) => ({ userId, keyId, object })),
  );
  if (signed.length > SIGNED_KEYS_MAX) {
    throw new MatrixError('M_TOO_LARGE', `Signatures of at most ${SIGNED_KEYS_MAX} keys can be uploaded at once.`);
  }
  return streams.write('deviceLists', (tx) => storeSignatures(tx, owner, signed));
}

type SignedKeyUpload = { readonly userId: string; readonly keyId: string; readonly object: JsonObject };

async function storeSignatures(
  tx: StreamTx,
  owner: Owner,
  signed: readonly SignedKeyUpload[],
): Promise<SignatureFailures> {
  await lockAccountForKeys(tx, owner.userNid);
  const signers = signed.flatMap(({ object }) => [
    ...(findSignaturesBy(object['signatures'], owner.userId)?.keys() ?? []),
  ]);
  const known = await findSignableKeys(tx, owner, {
    userIds: [...new Set(signed.map(({ userId }) => userId).filter(isUserId))],
    deviceIds: signed.flatMap(({ userId, keyId }) => (userId === owner.userId && !keyId.includes('\0') ? [keyId] : [])),
    signingKeyIds: [...new Set(signers)],
  });
  const failures = new Map<string, [string, Failure][]>();
  const right: NewKeySignature[] = [];
  for (const upload of signed) {
    const verdict = checkUpload(upload, owner, known);
    if (Array.isArray(verdict)) right.push(...verdict);
    else {
      const ofUser = failures.get(upload.userId) ?? [];
      failures.set(upload.userId, [...ofUser, [upload.keyId, verdict]]);
    }
  }
  const changed = right.length === 0 ? [] : await persistKeySignatures(tx, owner.userNid, right);
  for (const targetNid of changed) {
    // What a user says of others is for that user alone, whose other devices then ask again.
    if (targetNid !== owner.userNid) appendTrustChange(tx, owner.userNid, targetNid);
    else appendDeviceListChange(tx, owner.userNid, changeOf(right, owner.userNid, known));
  }
  return Object.fromEntries(Array.from(failures, ([userId, ofUser]) => [userId, Object.fromEntries(ofUser)]));
}

/** Which of the user's own keys were signed. */
function changeOf(signed: readonly NewKeySignature[], userNid: number, known: SignableKeys): DeviceListChange {
  const ownKeyIds = signed.flatMap((each) => (each.targetUserNid === userNid ? [each.targetKeyId] : []));
  const [devices, signingKeys] = [
    ownKeyIds.filter((keyId) => known.deviceIds.has(keyId)),
    ownKeyIds.filter((keyId) => !known.deviceIds.has(keyId)),
  ];
  return { changed: [...new Set(devices)], signingKeys: signingKeys.length > 0 };
}

/** The signatures to store, or what is wrong with them. */
function checkUpload(
  { userId, keyId, object }: SignedKeyUpload,
  owner: Owner,
  known: SignableKeys,
): NewKeySignature[] | Failure {
  const key = known.targets.get(`${userId} ${keyId}`);
  if (key === undefined) return { errcode: 'M_NOT_FOUND', error: 'There is no such key that you could sign.' };
  if (coveredText(object) !== key.signedText) {
    return { errcode: 'M_INVALID_PARAM', error: 'This is not the key that is stored under this ID.' };
  }
  const signatures = findSignaturesBy(object['signatures'], owner.userId) ?? new Map<string, string>();
  if (signatures.size === 0 || signatures.size > SIGNATURES_PER_KEY_MAX) {
    return invalid(`A key must have one to ${SIGNATURES_PER_KEY_MAX} signatures of yours.`);
  }
  const right: NewKeySignature[] = [];
  for (const [signingKeyId, signature] of signatures) {
    const isOwnSignature = signingKeyId === key.ownKeyId;
    if (!isOwnSignature && !key.signers.has(signingKeyId))
      return invalid(`${signingKeyId} is not a key that signs this one.`);
    if (!isSignedByKey(key.signedText, signature, known.publicKeys.get(signingKeyId))) {
      return invalid(`The signature by ${signingKeyId} is wrong.`);
    }
    // What a key says of itself came with it.
    if (!isOwnSignature) right.push({ targetUserNid: key.userNid, targetKeyId: keyId, signingKeyId, signature });
  }
  return right;
}

function invalid(error: string): Failure {
  return { errcode: 'M_INVALID_SIGNATURE', error };
}

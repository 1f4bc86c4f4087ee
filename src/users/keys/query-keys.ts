/** Owns telling the public keys of users and their devices to those who may see them. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { crossSigningUsages, type CrossSigningUsage } from '#matrix/cross-signing-keys.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findCrossSigningKeysOf, type QueriedCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';
import { findQueriedDevices, type QueriedDevice } from '#storage/users/keys/find-device-keys.ts';
import { findVisibleSignatures, type VisibleSignature } from '#storage/users/keys/find-key-signatures.ts';

const QUERIED_DEVICES_MAX = 10_000;

/** By user id the ids of devices; none stand for all devices of the user. */
export type KeysQuery = Readonly<Record<string, readonly string[]>>;

/** The members of the answer about users of this server; each is the JSON text of an object by user id. */
export type KeysAnswer = Readonly<Record<'device_keys' | `${CrossSigningUsage}_keys`, string>>;

/**
 * The keys of users of this server, in three queries. `readerNid` is the user who asks, who alone sees their own
 * user-signing key and the signatures by it; another server asks for nobody. Unknown users and devices are left out.
 * Throws M_TOO_LARGE. Specification: Client-Server API, `POST /keys/query` and "Key and signature security".
 */
export async function queryKeys(db: ReadTx, query: KeysQuery, readerNid: number | undefined): Promise<KeysAnswer> {
  const asked = readQuery(query);
  const userIds = [...new Set(asked.map(({ userId }) => userId))];
  const [devices, keys, signatures] = await Promise.all([
    findQueriedDevices(db, asked),
    findCrossSigningKeysOf(db, userIds, readerNid),
    findVisibleSignatures(db, userIds, readerNid),
  ]);
  const added = groupSignatures(signatures);
  return {
    device_keys: devicesJson(devices, added),
    master_keys: usageJson(keys, 'master', added),
    self_signing_keys: usageJson(keys, 'self_signing', added),
    user_signing_keys: usageJson(keys, 'user_signing', added),
  };
}

type Asked = { readonly userId: string; readonly deviceId: string | undefined };

function readQuery(query: KeysQuery): Asked[] {
  const asked: Asked[] = [];
  for (const [userId, deviceIds] of Object.entries(query)) {
    if (!isUserId(userId)) continue;
    if (deviceIds.length === 0) asked.push({ userId, deviceId: undefined });
    // The database has no NUL in texts, so no device has it in its id.
    for (const deviceId of new Set(deviceIds)) if (!deviceId.includes('\0')) asked.push({ userId, deviceId });
    if (asked.length > QUERIED_DEVICES_MAX) {
      throw new MatrixError(
        'M_TOO_LARGE',
        `Keys of at most ${QUERIED_DEVICES_MAX} users and devices can be asked for at once.`,
      );
    }
  }
  return asked;
}

type SignaturesByKey = ReadonlyMap<string, readonly VisibleSignature[]>;

function nameOf(userId: string, keyId: string): string {
  return `${userId}\0${keyId}`;
}

function groupSignatures(signatures: readonly VisibleSignature[]): SignaturesByKey {
  return Map.groupBy(signatures, ({ targetUserId, targetKeyId }) => nameOf(targetUserId, targetKeyId));
}

/** The key as it was uploaded, with the signatures that came later. */
function signedJson(
  { signedText, signatures }: { readonly signedText: string; readonly signatures: string },
  later: readonly VisibleSignature[] = [],
): string {
  if (later.length === 0) return `${signedText.slice(0, -1)},"signatures":${signatures}`;
  const byUser = new Map<string, Map<string, string>>();
  const uploaded: Record<string, Record<string, string>> = JSON.parse(signatures);
  for (const [userId, byKey] of Object.entries(uploaded)) byUser.set(userId, new Map(Object.entries(byKey)));
  for (const { signerUserId, signingKeyId, signature } of later) {
    const byKey = byUser.get(signerUserId) ?? new Map<string, string>();
    byUser.set(signerUserId, byKey.set(signingKeyId, signature));
  }
  const merged = Object.fromEntries(Array.from(byUser, ([userId, byKey]) => [userId, Object.fromEntries(byKey)]));
  return `${signedText.slice(0, -1)},"signatures":${JSON.stringify(merged)}`;
}

function devicesJson(devices: readonly QueriedDevice[], added: SignaturesByKey): string {
  const byUser = new Map<string, string[]>();
  for (const device of devices) {
    const { userId, deviceId } = device;
    let members = byUser.get(userId);
    if (members === undefined) byUser.set(userId, (members = []));
    if (deviceId === null) continue;
    const name = device.displayName === null ? '{}' : `{"device_display_name":${JSON.stringify(device.displayName)}}`;
    const json = signedJson(device, added.get(nameOf(userId, deviceId)));
    members.push(`${JSON.stringify(deviceId)}:${json},"unsigned":${name}}`);
  }
  return objectJson(Array.from(byUser, ([userId, members]) => [userId, `{${members.join(',')}}`]));
}

function usageJson(keys: readonly QueriedCrossSigningKey[], usage: CrossSigningUsage, added: SignaturesByKey): string {
  const found = keys.filter((key) => key.usage === usage);
  return objectJson(
    found.map((key) => [key.userId, `${signedJson(key, added.get(nameOf(key.userId, key.publicKey)))}}`]),
  );
}

function objectJson(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, json]) => `${canonicalString(key)}:${json}`).join(',')}}`;
}

/** The names of all members, for whoever writes the answer. */
export const keysAnswerMembers = [
  'device_keys',
  ...crossSigningUsages.map((usage) => `${usage}_keys` as const),
] as const;

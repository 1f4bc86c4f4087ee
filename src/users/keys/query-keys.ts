/** Owns telling the public keys of users and their devices to those who may see them. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { crossSigningUsages, type CrossSigningUsage } from '#matrix/cross-signing-keys.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findCrossSigningKeysOf, type QueriedCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';
import { findQueriedDevices, type QueriedDevice } from '#storage/users/keys/find-device-keys.ts';
import { findVisibleSignatures } from '#storage/users/keys/find-key-signatures.ts';
import { groupSignatures, nameOf, signedJson, type SignaturesByKey } from '#users/keys/signed-json.ts';

const QUERIED_DEVICES_MAX = 10_000;

/** By user id the ids of devices; none stand for all devices of the user. */
export type KeysQuery = Readonly<Record<string, readonly string[]>>;

/** The members of the answer about users of this server; each is the JSON text of an object by user id. */
export type KeysAnswer = Readonly<Record<'device_keys' | `${CrossSigningUsage}_keys`, string>>;

/** What is known of users of other servers, to be answered with. */
export type RemoteUsers = {
  readonly userIds: readonly string[];
  readonly devices: readonly (QueriedDevice & { readonly deviceId: string })[];
  readonly signingKeys: readonly QueriedCrossSigningKey[];
};

const nobody: RemoteUsers = { userIds: [], devices: [], signingKeys: [] };

/**
 * The keys of users of this server, in three queries, and those of others that are at hand. `readerNid` is the user who
 * asks, who alone sees their own user-signing key and the signatures by it; another server asks for nobody. Unknown users and
 * devices are left out. Throws M_TOO_LARGE.
 * Specification: Client-Server API, `POST /keys/query` and "Key and signature security".
 */
export async function queryKeys(
  db: ReadTx,
  query: KeysQuery,
  readerNid: number | undefined,
  remote: RemoteUsers = nobody,
): Promise<KeysAnswer> {
  const asked = readQuery(query);
  const userIds = [...new Set(asked.map(({ userId }) => userId))];
  const [local, localKeys, signatures] = await Promise.all([
    findQueriedDevices(db, asked),
    findCrossSigningKeysOf(db, userIds, readerNid),
    findVisibleSignatures(db, [...userIds, ...remote.userIds], readerNid),
  ]);
  const added = groupSignatures(signatures);
  const known = remote.userIds.map((userId) => ({ userId, deviceId: null }));
  const devices = [...local, ...known, ...remote.devices];
  const keys = [...localKeys, ...remote.signingKeys];
  return {
    device_keys: devicesJson(devices, added),
    master_keys: usageJson(keys, 'master', added),
    self_signing_keys: usageJson(keys, 'self_signing', added),
    user_signing_keys: usageJson(keys, 'user_signing', added),
  };
}

type Asked = { readonly userId: string; readonly deviceId: string | undefined };

/** Throws M_TOO_LARGE. */
export function requireFewAsked(query: KeysQuery): void {
  readQuery(query);
}

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

/** Owns finding the keys of users of other servers: out of what is known, and by asking for the rest. */
import { piecesOf } from '#core/pieces.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { ReadTx } from '#storage/database.ts';
import type { QueriedCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';
import {
  findKnownLists,
  findRemoteDevices,
  findRemoteSigningKeys,
  findSharing,
  type RemoteDevice,
} from '#storage/users/remote/find-remote-devices.ts';
import { beginListFetch, type ListFetch } from '#storage/users/remote/remote-device-lists.ts';
import type { Streams } from '#streams/streams.ts';
import type { KeysQuery } from '#users/keys/query-keys.ts';
import { askServers, groupByServer, type ServerOutcome } from '#users/remote/ask-servers.ts';
import { readQueriedUser, type RemoteKeys } from '#users/remote/read-keys.ts';
import { storeRemoteKeys } from '#users/remote/store-keys.ts';

export type RemoteKeysParts = {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'write'>;
  readonly federation: { readonly client: FederationClient };
};

export type FoundRemoteKeys = {
  /** Who is known to have devices, or to have none. */
  readonly userIds: readonly string[];
  readonly devices: readonly RemoteDevice[];
  readonly signingKeys: readonly QueriedCrossSigningKey[];
  /** By server name. */
  readonly failures: Readonly<Record<string, object>>;
};

/** Lists stored in one transaction. */
const STORED_AT_ONCE = 20;

type FetchedUser = { readonly userId: string; readonly keys: RemoteKeys };

/**
 * The keys of users of other servers. Of those with whom somebody here shares a room they are remembered for as long as
 * their servers tell of changes; others are asked for each time.
 * Specification: Server-Server API, "Device Management", "End-to-End Encryption".
 */
export async function queryRemoteKeys(
  parts: RemoteKeysParts,
  query: KeysQuery,
  timeoutMs: number | undefined,
): Promise<FoundRemoteKeys> {
  const { database } = parts;
  const known = await findKnownLists(database, Object.keys(query));
  const knownIds = new Set(known.map(({ userId }) => userId));
  const knownNids = known.map(({ userNid }) => userNid);
  const { fetched, failures } = await fetchOthers(parts, query, knownIds, timeoutMs);
  const devices = [...(await findRemoteDevices(database, knownNids)), ...fetched.flatMap(({ keys }) => keys.devices)];
  const fetchedKeys = fetched.flatMap(({ userId, keys }) =>
    // Whoever only reads a key has no use for the number of its user.
    keys.signingKeys.map((key) => ({ ...key, userId, userNid: 0 })),
  );
  return {
    userIds: [...knownIds, ...fetched.map(({ userId }) => userId)],
    devices: devices.filter(({ userId, deviceId }) => isAsked(query[userId], deviceId)),
    signingKeys: [...(await findRemoteSigningKeys(database, knownNids)), ...fetchedKeys],
    failures,
  };
}

function isAsked(deviceIds: readonly string[] | undefined, deviceId: string): boolean {
  return deviceIds === undefined || deviceIds.length === 0 || deviceIds.includes(deviceId);
}

async function fetchOthers(
  parts: RemoteKeysParts,
  query: KeysQuery,
  knownIds: ReadonlySet<string>,
  timeoutMs: number | undefined,
): Promise<{ readonly fetched: readonly FetchedUser[]; readonly failures: Readonly<Record<string, object>> }> {
  const unknown = groupByServer(Object.fromEntries(Object.entries(query).filter(([userId]) => !knownIds.has(userId))));
  const unknownIds = [...unknown.values()].flat().map(([userId]) => userId);
  const sharing = await findSharing(parts.database, unknownIds);
  const fetches = new Map((await beginListFetch(parts.database, [...sharing])).map((fetch) => [fetch.userId, fetch]));
  const questions = Array.from(unknown, ([serverName, users]) => {
    // What is to be remembered has to be all of it.
    const asked = users.map(([userId, deviceIds]) => [userId, fetches.has(userId) ? [] : deviceIds]);
    const body = JSON.stringify({ device_keys: Object.fromEntries(asked) });
    return { serverName, request: { method: 'POST', path: '/_matrix/federation/v1/user/keys/query', body } as const };
  });
  const outcomes = await askServers(parts.federation.client, questions, timeoutMs);
  const fetched = outcomes.flatMap((outcome) => readAnswer(outcome, unknown.get(outcome.serverName) ?? []));
  await remember(parts, fetched, fetches);
  const failures = outcomes.flatMap((outcome) =>
    'failure' in outcome ? [[outcome.serverName, outcome.failure] as const] : [],
  );
  return { fetched, failures: Object.fromEntries(failures) };
}

/** Only what was asked for, of users of the server that answers. */
function readAnswer(outcome: ServerOutcome, asked: readonly (readonly [string, unknown])[]): FetchedUser[] {
  if (!('answer' in outcome)) return [];
  const answer: JsonObject = outcome.answer;
  return asked.flatMap(([userId]) => {
    const keys = readQueriedUser(answer, userId);
    return keys === undefined ? [] : [{ userId, keys }];
  });
}

/** The answer has no version, so that the first change that is told has the list asked for once more, with one. */
async function remember(
  { streams }: RemoteKeysParts,
  fetched: readonly FetchedUser[],
  fetches: ReadonlyMap<string, ListFetch>,
): Promise<void> {
  const kept = fetched.flatMap(({ userId, keys }) => {
    const fetch = fetches.get(userId);
    return fetch === undefined ? [] : [{ fetch, keys }];
  });
  // In one order, so that two who store the same lists do not wait for each other.
  kept.sort((left, right) => left.fetch.userNid - right.fetch.userNid);
  for (const some of piecesOf(kept, STORED_AT_ONCE)) {
    await streams.write('deviceLists', async (tx) => {
      for (const { fetch, keys } of some) await storeRemoteKeys(tx, fetch, keys, null);
    });
  }
}

/** Owns asking for a list of devices anew, with its version, so that updates can follow it again. */
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { findListState } from '#storage/users/remote/find-remote-devices.ts';
import { beginListFetch } from '#storage/users/remote/remote-device-lists.ts';
import { appendRemoteDeviceListChange } from '#streams/device-list-changes.ts';
import type { ResyncPayload } from '#users/remote/ask-for-resync.ts';
import { fetchJson } from '#users/remote/ask-servers.ts';
import type { RemoteKeysParts } from '#users/remote/query-remote-keys.ts';
import { readDeviceList } from '#users/remote/read-keys.ts';
import { storeRemoteKeys } from '#users/remote/store-keys.ts';
import { findSharingUser } from '#users/remote/take-device-list-update.ts';

const TIMEOUT_MS = 20_000;

/**
 * Asks once, and tells those who share rooms with the user if nobody could use the list before. True when it is done, or
 * not needed any more; false when changes have been told meanwhile, so that it has to be asked for again. Throws a
 * RemoteRefusal or a RemoteUnreachable. Specification: Server-Server API, `GET /user/devices/{userId}`.
 */
export async function resyncDeviceList(parts: RemoteKeysParts, { userId }: ResyncPayload): Promise<boolean> {
  const { database, streams, federation } = parts;
  const serverName = serverNameOf(userId);
  const userNid = await findSharingUser(database, userId);
  if (serverName === undefined || userNid === undefined) return true;
  const state = await findListState(database, userNid);
  if (state === undefined || (!state.isStale && state.streamId !== null)) return true;
  const [fetch] = await beginListFetch(database, [userId]);
  if (fetch === undefined) return true;
  const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`;
  const answer = await fetchJson(federation.client, serverName, { method: 'GET', path, timeoutMs: TIMEOUT_MS });
  const list = readDeviceList(answer, userId);
  if (list === undefined) throw new RemoteUnreachable(`${serverName} gave no list of the devices of ${userId}.`);
  return streams.write('deviceLists', async (tx) => {
    if (!(await storeRemoteKeys(tx, fetch, list, list.streamId))) return false;
    if (state.isStale) appendRemoteDeviceListChange(tx, userNid);
    return true;
  });
}

/** Owns taking what another server says of a change to one of its users' devices. */
import type { Clock } from '#core/clock.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import type { ReadTx } from '#storage/database.ts';
import type { Interned } from '#storage/interned.ts';
import { findRemoteAmongUs } from '#storage/streams/find-shared-users.ts';
import { findUserNid } from '#storage/users/find-user-nid.ts';
import { findSharing, type ListState, type RemoteDevice } from '#storage/users/remote/find-remote-devices.ts';
import {
  countRemoteDevices,
  deleteRemoteDevice,
  lockDeviceList,
  persistListVersion,
  persistRemoteDevices,
} from '#storage/users/remote/remote-device-lists.ts';
import { appendRemoteDeviceListChange } from '#streams/device-list-changes.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';
import { askForResync } from '#users/remote/ask-for-resync.ts';
import { isStorableDeviceId, isStreamId, readDevice, REMOTE_DEVICES_MAX } from '#users/remote/read-keys.ts';

export type TakeUpdateParts = {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'write'>;
  readonly clock: Clock;
  readonly interned: Pick<Interned, 'internUsers' | 'knownUser'>;
  readonly workWaiting: () => void;
};

type Update = {
  readonly userId: string;
  readonly deviceId: string;
  readonly streamId: number;
  readonly prevIds: readonly JsonValue[];
  /** What the device is now; undefined when it has no keys, or is no more; `unreadable` when that cannot be told. */
  readonly device: RemoteDevice | undefined | 'unreadable';
};

/**
 * Takes an `m.device_list_update`. Who shares rooms with the user is told. A list that is known is changed if the update
 * follows what is known of it; else it is not used until it has been asked for anew, which is left to the background.
 * Specification: Server-Server API, "Device Management".
 */
export async function takeDeviceListUpdate(parts: TakeUpdateParts, origin: string, content: JsonObject): Promise<void> {
  const update = readUpdate(origin, content);
  if (update === undefined) return;
  const userNid = await findChangedUser(parts, update.userId);
  if (userNid === undefined) return;
  const isStale = await parts.streams.write('deviceLists', async (tx) => {
    appendRemoteDeviceListChange(tx, userNid);
    const list = await lockDeviceList(tx, userNid);
    if (list === undefined || (await applyUpdate(tx, userNid, list, update))) return false;
    await askForResync(tx, { userId: update.userId, userNid }, parts.clock.now());
    return true;
  });
  if (isStale) parts.workWaiting();
}

/** The number of a user with whom somebody here shares a room. */
export async function findSharingUser(db: ReadTx, userId: string): Promise<number | undefined> {
  return (await findSharing(db, [userId])).has(userId) ? findUserNid(db, userId) : undefined;
}

/**
 * The number of a user of whose changes somebody here is to hear: where not all members of a room are known, of everybody
 * whose server is in it, as the change is not told again when they are.
 */
export async function findChangedUser(
  { database, interned }: Pick<TakeUpdateParts, 'database' | 'interned'>,
  userId: string,
): Promise<number | undefined> {
  // Of a member who has no number nobody here has ever seen a device.
  const isMember = (await findSharing(database, [userId])).has(userId);
  if (isMember) return findUserNid(database, userId);
  if (!(await findRemoteAmongUs(database, [userId])).has(userId)) return undefined;
  await interned.internUsers([userId]);
  return interned.knownUser(userId);
}

function readUpdate(origin: string, content: JsonObject): Update | undefined {
  const { user_id: userId, device_id: deviceId, stream_id: streamId, prev_id: prevIds, deleted, keys } = content;
  if (typeof userId !== 'string' || !isUserId(userId) || serverNameOf(userId) !== origin) return undefined;
  if (typeof deviceId !== 'string' || !isStorableDeviceId(deviceId) || !isStreamId(streamId)) return undefined;
  const isGone = deleted === true || keys === undefined;
  const device = isGone ? undefined : readDevice(userId, deviceId, keys, content['device_display_name']);
  return {
    userId,
    deviceId,
    streamId,
    prevIds: Array.isArray(prevIds) ? prevIds : [],
    device: isGone ? undefined : (device ?? 'unreadable'),
  };
}

/** False when the list has to be asked for anew. */
async function applyUpdate(tx: StreamTx, userNid: number, list: ListState, update: Update): Promise<boolean> {
  if (list.isStale) return false;
  const { streamId, device, deviceId } = update;
  if (streamId === list.streamId) return true;
  if (!follows(update, list.streamId) || device === 'unreadable') return false;
  await (device === undefined
    ? deleteRemoteDevice(tx, userNid, deviceId)
    : persistRemoteDevices(tx, userNid, [device]));
  await persistListVersion(tx, userNid, streamId);
  return (await countRemoteDevices(tx, userNid)) <= REMOTE_DEVICES_MAX;
}

/** Whether nothing came between what is known and the update. The first update of all names none before it. */
function follows({ prevIds }: Update, streamId: number | null): boolean {
  return streamId === null || streamId === 0 ? prevIds.length === 0 : prevIds.includes(streamId);
}

/** Owns what of changed devices and keys of users of this server the sender puts into transactions to other servers. */
import type { DurableEdus } from '#federation/sender/edu-source.ts';
import type { ReadTx } from '#storage/database.ts';
import {
  findDeviceListUpdates,
  findServersBehindUpdates,
  findServersOfUpdates,
  SIGNING_KEYS,
  type DeviceListUpdate,
} from '#storage/streams/find-device-list-updates.ts';
import type { Streams } from '#streams/streams.ts';
import { findOwnKeys, type OwnKeys } from '#users/remote/own-keys.ts';
import { takeFitting } from '#users/remote/take-fitting.ts';

/**
 * Changes of devices and signing keys, for the servers that share rooms with their users: of each device its last change, as
 * it is now. A server that was away for long misses what came between, which the chain of positions tells it.
 * Specification: Server-Server API, "Device Management".
 */
export function deviceListEdus({
  database,
  streams,
  isLocal,
}: {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'deviceLists'>;
  readonly isLocal: (id: string) => boolean;
}): DurableEdus {
  return {
    position: 'deviceLists',
    horizon: () => streams.deviceLists.horizon,
    findServers: async (after) => {
      const names = await (after === 0 ? findServersBehindUpdates(database) : findServersOfUpdates(database, after));
      return names.filter((name) => !isLocal(name));
    },
    findEdus: async (serverName, after, bound) => {
      // Read first: what is committed by then is found.
      const { horizon } = streams.deviceLists;
      const updates = await findDeviceListUpdates(database, serverName, after, bound.countMax + 1);
      const keys = await findOwnKeys(database, [...new Set(updates.map(({ userId }) => userId))]);
      const edus = updates.map((update) => ({ pos: update.pos, json: eduOf(update, keys) }));
      const page = takeFitting(edus, after, bound);
      return page.hasMore ? page : { ...page, upTo: Math.max(page.upTo, horizon) };
    },
  };
}

function eduOf(update: DeviceListUpdate, keys: OwnKeys): string {
  return update.deviceId === SIGNING_KEYS ? signingKeysEdu(update, keys) : deviceEdu(update, keys);
}

function deviceEdu(
  { userId, deviceId, displayName, isDeleted, pos, prevPos }: DeviceListUpdate,
  keys: OwnKeys,
): string {
  const json = keys.deviceJson(userId, deviceId);
  const members = [
    `"user_id":${JSON.stringify(userId)},"device_id":${JSON.stringify(deviceId)}`,
    `"stream_id":${pos},"prev_id":[${prevPos ?? ''}]`,
    ...(isDeleted ? ['"deleted":true'] : []),
    ...(displayName === null ? [] : [`"device_display_name":${JSON.stringify(displayName)}`]),
    ...(json === undefined ? [] : [`"keys":${json}`]),
  ];
  return `{"edu_type":"m.device_list_update","content":{${members.join(',')}}}`;
}

function signingKeysEdu({ userId }: DeviceListUpdate, keys: OwnKeys): string {
  const members = [`"user_id":${JSON.stringify(userId)}`, ...keys.signingKeyMembers(userId)];
  return `{"edu_type":"m.signing_key_update","content":{${members.join(',')}}}`;
}

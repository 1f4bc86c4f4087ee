/** Owns what other servers are told when they ask for the keys of users of this one. */
import { isUserId } from '#matrix/ids.ts';
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findDeviceListVersion } from '#storage/streams/find-device-list-updates.ts';
import { findAccount } from '#storage/users/find-account.ts';
import { findOwnKeys } from '#users/remote/own-keys.ts';

/**
 * A user's devices with their keys, and the version of the list, as JSON text. Throws M_NOT_FOUND for whoever has no account
 * here. Specification: Server-Server API, `GET /user/devices/{userId}`.
 */
export async function serveDeviceList(
  { database, isLocal }: { readonly database: ReadTx; readonly isLocal: (id: string) => boolean },
  userId: string,
): Promise<string> {
  const account = isUserId(userId) && isLocal(userId) ? await findAccount(database, userId) : undefined;
  if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'This server has no such user.');
  // The version first: what changes meanwhile is told again by the next update, which does no harm.
  const version = await findDeviceListVersion(database, account.userNid);
  const keys = await findOwnKeys(database, [userId]);
  const devices = keys.devicesOf(userId).map(({ deviceId, displayName }) => {
    const name = displayName === null ? '' : `,"device_display_name":${JSON.stringify(displayName)}`;
    return `{"device_id":${JSON.stringify(deviceId)},"keys":${keys.deviceJson(userId, deviceId)}${name}}`;
  });
  const members = [
    `"user_id":${JSON.stringify(userId)},"stream_id":${version}`,
    `"devices":[${devices.join(',')}]`,
    ...keys.signingKeyMembers(userId),
  ];
  return `{${members.join(',')}}`;
}

/** Owns taking what another server says of a change to one of its users' signing keys. */
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { lockDeviceList } from '#storage/users/remote/remote-device-lists.ts';
import { appendRemoteDeviceListChange } from '#streams/device-list-changes.ts';
import { askForResync } from '#users/remote/ask-for-resync.ts';
import { readSigningKeys } from '#users/remote/read-keys.ts';
import { replaceSigningKeys } from '#users/remote/store-keys.ts';
import { findChangedUser, type TakeUpdateParts } from '#users/remote/take-device-list-update.ts';

/**
 * Takes an `m.signing_key_update`. Who shares rooms with the user is told. Keys that do not come together, or not rightly
 * signed, are asked for. Specification: Server-Server API, "End-to-End Encryption".
 */
export async function takeSigningKeyUpdate(parts: TakeUpdateParts, origin: string, content: JsonObject): Promise<void> {
  const { user_id: userId, master_key: master, self_signing_key: selfSigning } = content;
  if (typeof userId !== 'string' || !isUserId(userId) || serverNameOf(userId) !== origin) return;
  const userNid = await findChangedUser(parts, userId);
  if (userNid === undefined) return;
  const keys = readSigningKeys(userId, { master, selfSigning });
  const isStale = await parts.streams.write('deviceLists', async (tx) => {
    appendRemoteDeviceListChange(tx, userNid);
    const list = await lockDeviceList(tx, userNid);
    if (list === undefined) return false;
    if (!list.isStale && keys.length === 2) {
      await replaceSigningKeys(tx, userNid, keys);
      return false;
    }
    await askForResync(tx, { userId, userNid }, parts.clock.now());
    return true;
  });
  if (isStale) parts.workWaiting();
}

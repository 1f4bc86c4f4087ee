/** Owns sending messages to devices of this server. Specification: Client-Server API, "Send-to-Device messaging". */
import { hash } from 'node:crypto';
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findDevicesOfUsers } from '#storage/streams/find-to-device.ts';
import type { ToDeviceRow } from '#storage/streams/stream-rows.ts';
import { persistToDeviceTransaction } from '#storage/streams/to-device-transactions.ts';
import type { StreamTx, WriteStreams } from '#streams/stream-writer.ts';

const DEVICES_MAX = 10_000;
const allDevices = '*';

export type ToDeviceSend = {
  /** User id of the sender. */
  readonly sender: string;
  readonly type: string;
  /** By user id and device id, or `*` for all devices of the user, the content. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, object>>>>;
};

/**
 * Sends to each device once, however often the transaction is repeated. Users and devices that are not here are passed
 * over. Throws M_TOO_LARGE for more than ten thousand devices.
 */
export async function sendToDeviceOnce(
  { database, write, now }: { readonly database: ReadTx; readonly write: WriteStreams; readonly now: number },
  send: ToDeviceSend,
  transaction: { readonly deviceNid: number; readonly path: string; readonly txnId: string },
): Promise<void> {
  const rows = await findToDeviceRows(database, send);
  const { deviceNid, path, txnId } = transaction;
  const txnHash = hash('sha256', JSON.stringify([path, txnId]), 'buffer').subarray(0, 16);
  await write('toDevice', async (tx) => {
    if (await persistToDeviceTransaction(tx, deviceNid, txnHash, now)) tx.add({ toDevice: rows });
  });
}

/** The same inside a transaction of a stream's writer, which knows itself that it is not a repetition. */
export async function sendToDevice(tx: StreamTx, send: ToDeviceSend): Promise<void> {
  tx.add({ toDevice: await findToDeviceRows(tx, send) });
}

async function findToDeviceRows(db: ReadTx, { sender, type, messages }: ToDeviceSend): Promise<ToDeviceRow[]> {
  // The database has no NUL in texts, so nobody is found by such an id.
  const userIds = Object.keys(messages).filter((userId) => !userId.includes('\0'));
  const devices = userIds.length === 0 ? [] : await findDevicesOfUsers(db, userIds);
  // A message to all devices of somebody is written out once.
  const texts = new Map<object, string>();
  const textOf = (content: object): string => {
    const known = texts.get(content) ?? JSON.stringify(content);
    texts.set(content, known);
    return known;
  };
  const rows = devices.flatMap(({ userId, userNid, deviceId, deviceNid }) => {
    const byDevice = messages[userId] ?? {};
    const content = Object.hasOwn(byDevice, deviceId) ? byDevice[deviceId] : byDevice[allDevices];
    return content === undefined
      ? []
      : [{ deviceNid, userNid, sender, type, content: textOf(content), messageId: null }];
  });
  if (rows.length > DEVICES_MAX) {
    throw new MatrixError('M_TOO_LARGE', `A message goes to at most ${DEVICES_MAX} devices at once.`);
  }
  return rows;
}

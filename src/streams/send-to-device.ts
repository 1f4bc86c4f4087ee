/** Owns sending messages to devices, here and elsewhere. Specification: Client-Server API, "Send-to-Device messaging". */
import { hash } from 'node:crypto';
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findDevicesOfUsers } from '#storage/streams/find-to-device.ts';
import type { ToDeviceRow } from '#storage/streams/stream-rows.ts';
import { persistToDeviceTransaction } from '#storage/streams/to-device-transactions.ts';
import { buildOutboxRows, type ToDeviceSend } from '#streams/outbox-rows.ts';
import type { WriteStreams } from '#streams/stream-writer.ts';

export const DEVICES_MAX = 10_000;
/** Each is looked for, and has what it is sent kept until it is found. */
const SERVERS_MAX = 500;
const allDevices = '*';

/**
 * Sends to each device once, however often the transaction is repeated. What is for users of other servers waits for the
 * sender. Users and devices that are not here are passed over. Throws M_TOO_LARGE for more than ten thousand devices, or five hundred
 * servers.
 */
export async function sendToDeviceOnce(
  parts: {
    readonly database: ReadTx;
    readonly write: WriteStreams;
    readonly isLocal: (id: string) => boolean;
    readonly now: number;
  },
  send: ToDeviceSend,
  transaction: { readonly deviceNid: number; readonly path: string; readonly txnId: string },
): Promise<void> {
  const [local, remote] = divide(send, parts.isLocal);
  const rows = await findToDeviceRows(parts.database, local);
  if (rows.length + countDevices(remote) > DEVICES_MAX) {
    throw new MatrixError('M_TOO_LARGE', `A message goes to at most ${DEVICES_MAX} devices at once.`);
  }
  const outbox = buildOutboxRows(remote);
  if (new Set(outbox.map(({ serverName }) => serverName)).size > SERVERS_MAX) {
    throw new MatrixError('M_TOO_LARGE', `A message goes to devices of at most ${SERVERS_MAX} servers at once.`);
  }
  const { deviceNid, path, txnId } = transaction;
  const txnHash = hash('sha256', JSON.stringify([path, txnId]), 'buffer').subarray(0, 16);
  await parts.write('toDevice', async (tx) => {
    if (await persistToDeviceTransaction(tx, deviceNid, txnHash, parts.now)) tx.add({ toDevice: rows, outbox });
  });
}

function divide(send: ToDeviceSend, isLocal: (id: string) => boolean): [local: ToDeviceSend, remote: ToDeviceSend] {
  const entries = Object.entries(send.messages);
  const only = (local: boolean): ToDeviceSend => ({
    ...send,
    messages: Object.fromEntries(entries.filter(([userId]) => isLocal(userId) === local)),
  });
  return [only(true), only(false)];
}

function countDevices({ messages }: ToDeviceSend): number {
  return Object.values(messages).reduce((count, devices) => count + Object.keys(devices).length, 0);
}

/** What the devices of this server get of a message. */
export async function findToDeviceRows(db: ReadTx, { sender, type, messages }: ToDeviceSend): Promise<ToDeviceRow[]> {
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
  return devices.flatMap(({ userId, userNid, deviceId, deviceNid }) => {
    const byDevice = messages[userId] ?? {};
    const content = Object.hasOwn(byDevice, deviceId) ? byDevice[deviceId] : byDevice[allDevices];
    return content === undefined
      ? []
      : [{ deviceNid, userNid, sender, type, content: textOf(content), messageId: null }];
  });
}

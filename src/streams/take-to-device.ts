/** Owns taking messages that another server sends to devices of this one. */
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { Clock } from '#core/clock.ts';
import type { ReadTx } from '#storage/database.ts';
import { persistReceivedMessage } from '#storage/streams/to-device-outbox.ts';
import type { ToDeviceSend } from '#streams/outbox-rows.ts';
import { DEVICES_MAX, findToDeviceRows } from '#streams/send-to-device.ts';
import type { Streams } from '#streams/streams.ts';

const ID_LENGTH_MAX = 255;

/**
 * Takes an `m.direct_to_device` once, however often it is sent; users and devices that are not here are passed over, and so
 * is a message that says it is of another server's user. Specification: Server-Server API, "Send-to-device messaging".
 */
export async function takeToDevice(
  parts: { readonly database: ReadTx; readonly streams: Pick<Streams, 'write'>; readonly clock: Clock },
  origin: string,
  content: JsonObject,
): Promise<void> {
  const message = readMessage(origin, content);
  if (message === undefined) return;
  const { messageId, send } = message;
  const rows = await findToDeviceRows(parts.database, send);
  if (rows.length > DEVICES_MAX) return;
  await parts.streams.write('toDevice', async (tx) => {
    if (!(await persistReceivedMessage(tx, { origin, messageId }, parts.clock.now()))) return;
    tx.add({ toDevice: rows.map((row) => ({ ...row, messageId })) });
  });
}

function readMessage(
  origin: string,
  { sender, type, message_id: messageId, messages }: JsonObject,
): { readonly messageId: string; readonly send: ToDeviceSend } | undefined {
  if (typeof sender !== 'string' || !isUserId(sender) || serverNameOf(sender) !== origin) return undefined;
  if (!isStorable(type) || !isStorable(messageId) || !isJsonObject(messages)) return undefined;
  const byUser: Record<string, Record<string, object>> = {};
  for (const [userId, devices] of Object.entries(messages)) {
    if (!isUserId(userId) || !isJsonObject(devices)) continue;
    byUser[userId] = Object.fromEntries(
      Object.entries(devices).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1])),
    );
  }
  return { messageId, send: { sender, type, messages: byUser } };
}

function isStorable(text: JsonValue | undefined): text is string {
  return typeof text === 'string' && text.length <= ID_LENGTH_MAX && !text.includes('\0');
}

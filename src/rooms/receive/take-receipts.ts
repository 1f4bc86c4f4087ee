/** Owns what other servers say of how far their users have read. Specification: Server-Server API, "Receipts". */
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { findEduRoom, isJoined, isUserOf, type EduParts } from '#rooms/receive/edu-room.ts';
import type { ServedRoom } from '#rooms/serve/require-server.ts';
import { findEventPlace } from '#storage/rooms/find-event-place.ts';
import type { ReceiptRow } from '#streams/stream-writer.ts';

/** What is more in one message is not read. */
const ROOMS_MAX = 100;
const USERS_MAX = 500;
const THREAD_ID_BYTES_MAX = 255;
const EVENT_ID_BYTES_MAX = 255;

type Read = { readonly eventId: string; readonly threadId: string; readonly ts: number };

/** What does not fit, or is not theirs to say, is ignored. A receipt may come before its event. */
export async function takeReceipts(parts: EduParts, origin: string, content: JsonObject): Promise<void> {
  const receipts: ReceiptRow[] = [];
  let left = USERS_MAX;
  for (const [roomId, types] of Object.entries(content).slice(0, ROOMS_MAX)) {
    const byUser = isJsonObject(types) ? types['m.read'] : undefined;
    const users = isJsonObject(byUser) ? Object.entries(byUser).slice(0, left) : [];
    left -= users.length;
    if (users.length === 0) continue;
    const served = await findEduRoom(parts, roomId, origin);
    if (served === undefined) continue;
    for (const [userId, receipt] of users) {
      const read = readReceipt(receipt, parts.clock.now());
      if (!isUserOf(origin, userId) || read === undefined || !(await isJoined(parts, served, userId))) continue;
      receipts.push(...(await rowsOf(parts, served, userId, read)));
    }
  }
  if (receipts.length > 0) await parts.streams.write('userData', (tx) => tx.add({ receipts }));
}

function readReceipt(receipt: JsonValue, now: number): Read | undefined {
  if (!isJsonObject(receipt)) return undefined;
  const { event_ids: eventIds, data } = receipt;
  const [eventId, ...others] = Array.isArray(eventIds) ? eventIds : [];
  if (typeof eventId !== 'string' || others.length > 0 || !isStorableId(eventId)) return undefined;
  const { ts, thread_id: threadId = '' } = isJsonObject(data) ? data : {};
  if (typeof threadId !== 'string' || threadId.includes('\0')) return undefined;
  if (Buffer.byteLength(threadId) > THREAD_ID_BYTES_MAX) return undefined;
  return { eventId, threadId, ts: typeof ts === 'number' && Number.isSafeInteger(ts) ? ts : now };
}

/** What an event's id looks like is the room version's matter; one that names no event does no harm. */
function isStorableId(id: string): boolean {
  return id !== '' && !id.includes('\0') && Buffer.byteLength(id) <= EVENT_ID_BYTES_MAX;
}

async function rowsOf(
  { database, interned }: EduParts,
  { room: { roomNid } }: ServedRoom,
  userId: string,
  { eventId, threadId, ts }: Read,
): Promise<ReceiptRow[]> {
  const place = await findEventPlace(database, eventId);
  if (place !== undefined && place.roomNid !== roomNid) return [];
  await interned.internUsers([userId]);
  const userNid = interned.knownUser(userId);
  if (userNid === undefined) return [];
  const roomOrder = place?.roomOrder ?? null;
  return [{ roomNid, userNid, receiptType: 'm.read', threadId, eventId, roomOrder, ts }];
}

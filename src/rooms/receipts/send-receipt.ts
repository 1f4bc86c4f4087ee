/** Owns receipts: how far users have read. Specification: Client-Server API, "Receipts" and "Read markers". */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { setFullyRead } from '#rooms/receipts/set-fully-read.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findEventPlace, type EventPlace } from '#storage/rooms/find-event-place.ts';
import type { ReceiptRow } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';

export type ReceiptParts = RoomReadParts & { readonly clock: Clock; readonly streams: Pick<Streams, 'write'> };

const storedTypes = ['m.read', 'm.read.private'] as const;
type StoredType = (typeof storedTypes)[number];

export type Receipt = {
  readonly roomId: string;
  readonly receiptType: string;
  readonly eventId: string;
  /** Event id of a thread's root, `main`, or undefined: whatever the thread. */
  readonly threadId: string | undefined;
};

/**
 * Notes that the user has read up to an event; one that is older than what is noted changes nothing. Throws M_FORBIDDEN
 * outside the room, M_INVALID_PARAM for a type that is none or a thread that the event is not in, M_NOT_FOUND.
 */
export async function sendReceipt(parts: ReceiptParts, user: RoomUser, receipt: Receipt): Promise<void> {
  const { roomId, receiptType, eventId, threadId } = receipt;
  const type = storedTypes.find((stored) => stored === receiptType);
  if (type === undefined && receiptType !== 'm.fully_read') {
    throw invalid('The type of a receipt is "m.read", "m.read.private" or "m.fully_read".');
  }
  if (threadId === '') throw invalid('"thread_id" is the event ID of the root of a thread, or "main".');
  if (type === undefined && threadId !== undefined) throw invalid('"m.fully_read" has no thread.');
  const { room } = await requireJoinedRoom(parts, user, roomId);
  const place = await requirePlace(parts, room.roomNid, eventId);
  if (type === undefined) {
    await parts.streams.write('userData', (tx) => setFullyRead(tx, user.userNid, { eventId, place }));
    return;
  }
  if (threadId !== undefined && threadId !== (place.threadRoot ?? 'main') && threadId !== eventId) {
    throw invalid('The event is not in this thread.');
  }
  const row = rowOf(parts, user, { type, eventId, threadId, place });
  await parts.streams.write('userData', (tx) => tx.add({ receipts: [row] }));
}

/** By type the event up to which the user has read. */
export type ReadMarkers = { readonly [type in 'm.fully_read' | StoredType]?: string };

/** Several at once, all or nothing, without threads. Throws as `sendReceipt` does. */
export async function setReadMarkers(
  parts: ReceiptParts,
  user: RoomUser,
  roomId: string,
  markers: ReadMarkers,
): Promise<void> {
  const { room } = await requireJoinedRoom(parts, user, roomId);
  const fullyRead = markers['m.fully_read'];
  const marker =
    fullyRead === undefined
      ? undefined
      : { eventId: fullyRead, place: await requirePlace(parts, room.roomNid, fullyRead) };
  const receipts: ReceiptRow[] = [];
  for (const type of storedTypes) {
    const eventId = markers[type];
    if (eventId === undefined) continue;
    const place = await requirePlace(parts, room.roomNid, eventId);
    receipts.push(rowOf(parts, user, { type, eventId, threadId: undefined, place }));
  }
  await parts.streams.write('userData', async (tx) => {
    if (marker !== undefined) await setFullyRead(tx, user.userNid, marker);
    tx.add({ receipts });
  });
}

async function requirePlace({ database }: ReceiptParts, roomNid: number, eventId: string): Promise<EventPlace> {
  const place = eventId.includes('\0') ? undefined : await findEventPlace(database, eventId);
  if (place?.roomNid !== roomNid) throw new MatrixError('M_NOT_FOUND', 'There is no such event in this room.');
  return place;
}

function rowOf(
  { clock }: ReceiptParts,
  { userNid }: RoomUser,
  read: {
    readonly type: StoredType;
    readonly eventId: string;
    readonly threadId: string | undefined;
    readonly place: EventPlace;
  },
): ReceiptRow {
  const { roomNid, roomOrder } = read.place;
  const { type: receiptType, eventId, threadId = '' } = read;
  return { roomNid, userNid, receiptType, threadId, eventId, roomOrder, ts: clock.now() };
}

function invalid(message: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', message);
}

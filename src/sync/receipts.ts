/** Owns the receipts of a sync: one `m.receipt` for each room and thread with new ones, as one user may have several on an event. */
import { findReceipts, type StoredReceipt } from '#storage/streams/find-receipts.ts';
import type { RoomExtras } from '#sync/room-extras.ts';
import type { RoomPlan } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';

/** Of a room with more readers the newest are told. */
const PER_ROOM_MAX = 1_000;

/** Adds the receipts to their rooms. A room that is new to the client gets those that stand. */
export async function addReceipts(
  { database, streams }: SyncParts,
  { userNid, filter, since, horizons }: SyncWindow,
  plans: readonly RoomPlan[],
  extras: RoomExtras,
): Promise<void> {
  const { ephemeral } = filter;
  const wanted = plans.filter(({ section, roomId }) => section === 'join' && ephemeral.hasRoom(roomId));
  if (wanted.length === 0 || !ephemeral.matches('m.receipt')) return;
  const [, upTo] = horizons;
  const after = since?.[1] ?? 0;
  const isNew = ({ full }: RoomPlan): boolean => full || since === undefined;
  const fresh = wanted.filter(isNew).map(({ roomNid }) => roomNid);
  const known = wanted.filter((plan) => !isNew(plan)).map(({ roomNid }) => roomNid);
  const changed = after < upTo ? changedRooms(streams.userData, userNid, known, after) : [];
  const common = { upTo, readerNid: userNid, perRoomMax: PER_ROOM_MAX };
  const rows = [
    ...(await findReceipts(database, { ...common, roomNids: changed, after })),
    ...(await findReceipts(database, { ...common, roomNids: fresh, after: 0 })),
  ];
  for (const own of Map.groupBy(rows, (row) => `${row.room_nid} ${row.thread_id}`).values()) {
    const [first] = own;
    if (first === undefined) continue;
    extras.addEphemeral(first.room_nid, `{"type":"m.receipt","content":${JSON.stringify(contentOf(own))}}`);
  }
}

function changedRooms(
  userData: SyncParts['streams']['userData'],
  userNid: number,
  roomNids: readonly number[],
  after: number,
): readonly number[] {
  const changes = userData.since(after);
  if (changes === undefined) return roomNids;
  const own = new Set(
    changes.filter((change) => change.kind === 'privateReceipts' && change.userNid === userNid).map((c) => c.roomNid),
  );
  return roomNids.filter((roomNid) => own.has(roomNid) || userData.hasSince('receipts', roomNid, after));
}

type Content = Record<string, Record<string, Record<string, { readonly ts: number; readonly thread_id?: string }>>>;

/** By event, type and user. Specification: Client-Server API, "Receipts", server behaviour. */
function contentOf(rows: readonly StoredReceipt[]): Content {
  const content: Content = {};
  for (const { event_id: eventId, receipt_type: type, user_id: userId, thread_id: threadId, ts } of rows) {
    const byUser = ((content[eventId] ??= {})[type] ??= {});
    byUser[userId] = threadId === '' ? { ts } : { ts, thread_id: threadId };
  }
  return content;
}

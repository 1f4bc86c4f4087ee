/** Owns the marker of how far somebody has really read, which is account data of the room. */
import { findEventPlace, type EventPlace } from '#storage/rooms/find-event-place.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import { lockAndFindAccountData } from '#users/account-data.ts';

/** Moves the marker to an event, unless it stands at a later one. */
export async function setFullyRead(
  tx: StreamTx,
  userNid: number,
  { eventId, place }: { readonly eventId: string; readonly place: EventPlace },
): Promise<void> {
  const key = { userNid, roomNid: place.roomNid, type: 'm.fully_read' };
  const before = await lockAndFindAccountData(tx, key);
  const former = before === undefined ? undefined : await findEventPlace(tx, eventIdIn(before));
  if (former !== undefined && former.roomOrder >= place.roomOrder) return;
  tx.add({ accountData: [{ ...key, content: JSON.stringify({ event_id: eventId }) }] });
}

function eventIdIn(content: string): string {
  const { event_id: eventId }: { readonly event_id: string } = JSON.parse(content);
  return eventId;
}

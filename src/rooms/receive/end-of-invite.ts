/** Owns the events that end an invite or a knock of a local user in a room in which this server has nobody to judge by. */
import { eventIdsOf } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { findOutOfBandMembership } from '#storage/rooms/find-out-of-band.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/**
 * Whether the event, if it is signed, ends what a user of this server is to a room that is not here. There is no state by which the
 * rules could be asked: an invite is taken back by who gave it, and a knock is refused by somebody who knows its event,
 * as only members do.
 */
export async function endsMembership(
  { database, isLocal }: Pick<ReceiveParts, 'database' | 'isLocal'>,
  { pdu, roomId }: ValidatedPdu,
): Promise<boolean> {
  const { type, state_key: userId, sender, content, auth_events: authEvents } = pdu;
  const { membership } = content;
  if (type !== 'm.room.member' || userId === undefined || !isLocal(userId) || userId === sender) return false;
  if (membership !== 'leave' && membership !== 'ban') return false;
  const held = await findOutOfBandMembership(database, userId, roomId);
  if (held?.membership === membershipCodes.invite) return held.sender === sender;
  return held?.membership === membershipCodes.knock && eventIdsOf(authEvents).includes(held.eventId);
}

/** Owns taking a member event that another server has submitted into its room, and telling the room's other servers. */
import { authEventOf } from '#matrix/auth-event.ts';
import { MatrixError } from '#matrix/error.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { AdmitParts } from '#rooms/admit/admit-parts.ts';
import { loadViewFor, requirePermitted } from '#rooms/admit/check-on-head.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import type { EventStatus } from '#storage/rooms/event-status.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';

/**
 * Resolves when the event is part of the room; one that has come before is not judged again. Throws M_FORBIDDEN for an event that
 * the room does not permit, of which nothing is kept if its state now forbids it already; and M_INVALID_PARAM for one that
 * builds on events which are not here. `relay`: whether the other servers in the room hear of it from this one.
 */
export async function admitEvent(
  parts: AdmitParts,
  event: ValidatedPdu,
  { relay }: { readonly relay: boolean },
): Promise<void> {
  const status = (await statusBefore(parts, event)) ?? (await persist(parts, event, relay));
  if (status !== 'accepted') throw new MatrixError('M_FORBIDDEN', "The room's rules forbid this event.");
}

/** What became of it when it came before. */
async function statusBefore({ database }: AdmitParts, { eventId }: ValidatedPdu): Promise<EventStatus | undefined> {
  const place = (await findEventPlaces(database, [eventId])).get(eventId);
  return place === undefined || place.status === 'missing' || place.status === 'outlier' ? undefined : place.status;
}

async function persist(parts: AdmitParts, event: ValidatedPdu, relay: boolean): Promise<EventStatus> {
  const { pdu, eventId, version, roomId } = event;
  const view = await loadViewFor(parts, roomId, pdu);
  // A state that lacks members cannot tell: the event is judged with what it cites.
  if (!view.isPartial) requirePermitted(view, authEventOf(pdu, eventId, version));
  const sealed = { sealed: event, ...(relay && { relay: true as const }) };
  try {
    const { statuses } = await parts.persistEvents({ room: { roomId }, events: [sealed] });
    return statuses[0] ?? 'missing';
  } catch (error) {
    if (!(error instanceof MissingEventsError)) throw error;
    throw new MatrixError('M_INVALID_PARAM', error.message, { cause: error });
  }
}

/** Owns where an event of ours goes that follows the newest events of its room. */
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import type { EventPlace } from '#matrix/build-event.ts';
import type { AuthEvent, EventReference } from '#matrix/pdu.ts';
import { entryOf, type RoomView } from '#rooms/persist/room-view.ts';

const depthMax = Number.MAX_SAFE_INTEGER;

/** The view's state must be complete for the auth events of the draft. */
export function placeOnHead(
  view: RoomView,
  draft: Pick<AuthEvent, 'type' | 'sender' | 'state_key' | 'content'>,
): Pick<EventPlace, 'prevEvents' | 'authEvents' | 'depth'> {
  const authEvents: EventReference[] = [];
  for (const [type, stateKey] of selectAuthTypes(draft, view.version)) {
    const entry = entryOf(view, type, stateKey);
    if (entry !== undefined) authEvents.push(entry.reference);
  }
  return {
    prevEvents: view.head.extremities.map(({ reference }) => reference),
    authEvents,
    depth: Math.min(view.head.depth + 1, depthMax),
  };
}

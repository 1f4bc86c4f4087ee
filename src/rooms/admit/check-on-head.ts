/** Owns the question whether a room's state, as it is now, permits an event that has not been written. */
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import type { Verdict } from '#matrix/auth-rules/verdict.ts';
import { MatrixError } from '#matrix/error.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import { stateKeysFor } from '#rooms/persist/judge-sealed.ts';
import { authStateOf, completeView, loadRoomView, type RoomView, type ViewParts } from '#rooms/persist/room-view.ts';

/** The room as it is now, with all that judging and placing the event asks of it. Throws M_NOT_FOUND. */
export async function loadViewFor(
  parts: ViewParts,
  roomId: string,
  event: Pick<AuthEvent, 'type' | 'sender' | 'state_key' | 'content'>,
): Promise<RoomView> {
  const view = await loadRoomView(parts.database, roomId);
  if (view === undefined) throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
  await completeView(parts, view, stateKeysFor(event, view.version));
  return view;
}

/** By the auth rules alone; `view` must have been loaded for the event. */
export function checkOnHead(view: RoomView, event: AuthEvent): Verdict {
  return checkAuth(event, view.version, authStateOf(view), { verify: isJsonSignedBy });
}

/** Throws M_FORBIDDEN, or M_BAD_JSON for an event that no state could permit. */
export function requirePermitted(view: RoomView, event: AuthEvent): void {
  const verdict = checkOnHead(view, event);
  if (!verdict.allowed) throw new MatrixError(verdict.isMalformed ? 'M_BAD_JSON' : 'M_FORBIDDEN', verdict.reason);
}

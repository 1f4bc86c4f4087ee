/** Owns the auth rule about `m.room.redaction` (versions 1 and 2; later `canRedact` is asked when it is applied). */
import type { AuthEvent } from '#matrix/pdu.ts';
import { describeLevel, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';

export function checkRedaction(event: AuthEvent, room: RoomAuth): Verdict {
  const senderLevel = userPowerLevel(room, event.sender);
  const redactLevel = namedLevel(room, 'redact');
  if (senderLevel >= redactLevel) return allowed;
  // The servers of the two event ids are compared, not those of the senders.
  const server = event.redacts === undefined ? undefined : serverNameOf(event.redacts);
  if (server !== undefined && server === serverNameOf(event.eventId)) return allowed;
  const reason = `${event.sender} has power level ${describeLevel(senderLevel)}; redacting events of other servers takes ${redactLevel}.`;
  return deny(room.version, 'redaction.otherwise', reason);
}

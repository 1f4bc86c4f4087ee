/** Owns the rule about `m.room.aliases` (versions 1 to 5; later an ordinary state event). */
import type { AuthEvent } from '#matrix/pdu.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** A server may always publish its own aliases: neither membership nor power is asked for. */
export function checkAliases(event: AuthEvent, version: RoomVersion): Verdict {
  if (event.state_key === undefined) {
    return deny(version, 'aliases.stateKey', 'Room aliases can only be published as a state event.');
  }
  if (serverNameOf(event.sender) !== event.state_key) {
    return deny(version, 'aliases.server', `${event.sender} cannot publish room aliases of ${event.state_key}.`);
  }
  return allowed;
}

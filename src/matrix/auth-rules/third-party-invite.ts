/** Owns the rule about `m.room.third_party_invite`, the invitation of somebody known by an address only. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { describeLevel, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';

/** The invite level alone decides; the level of the event type is not asked for. */
export function checkThirdPartyInvite(event: AuthEvent, room: RoomAuth): Verdict {
  const senderLevel = userPowerLevel(room, event.sender);
  const inviteLevel = namedLevel(room, 'invite');
  if (senderLevel >= inviteLevel) return allowed;
  const reason = `${event.sender} has power level ${describeLevel(senderLevel)}; inviting takes ${inviteLevel}.`;
  return deny(room.version, 'thirdPartyInvite.level', reason);
}

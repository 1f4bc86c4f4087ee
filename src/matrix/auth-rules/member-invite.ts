/** Owns the rule about inviting a user who is known by user id. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { checkInviteByThirdParty } from '#matrix/auth-rules/member-invite-third-party.ts';
import { describeLevel, membershipOf, type AuthOptions, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';

export function checkInvite(event: AuthEvent, target: string, room: RoomAuth, options: AuthOptions): Verdict {
  const { version } = room;
  const thirdPartyInvite = ownValue(event.content, 'third_party_invite');
  if (thirdPartyInvite !== undefined) {
    return checkInviteByThirdParty(event, target, thirdPartyInvite, room, options);
  }
  if (membershipOf(room.state, event.sender) !== 'join') {
    return deny(version, 'member.invite.senderJoined', `${event.sender} is not in this room.`);
  }
  const membership = membershipOf(room.state, target);
  if (membership === 'join' || membership === 'ban') {
    const reason = membership === 'ban' ? `${target} is banned from this room.` : `${target} is already in this room.`;
    return deny(version, 'member.invite.target', reason);
  }
  const senderLevel = userPowerLevel(room, event.sender);
  const inviteLevel = namedLevel(room, 'invite');
  if (senderLevel >= inviteLevel) return allowed;
  const reason = `${event.sender} has power level ${describeLevel(senderLevel)}; inviting takes ${inviteLevel}.`;
  return deny(version, 'member.invite.otherwise', reason);
}

/** Owns the rule about knocking (from version 7). */
import type { AuthEvent } from '#matrix/pdu.ts';
import { joinRuleOf, membershipOf, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';

export function checkKnock(event: AuthEvent, target: string, room: RoomAuth): Verdict {
  const { version } = room;
  const joinRule = joinRuleOf(room.state);
  if (joinRule !== 'knock' && !(joinRule === 'knock_restricted' && version.knockRestricted)) {
    return deny(version, 'member.knock.joinRule', 'This room does not accept knocks.');
  }
  if (event.sender !== target) {
    return deny(version, 'member.knock.sender', `${event.sender} cannot knock for ${target}.`);
  }
  const membership = membershipOf(room.state, target);
  if (membership === 'ban') {
    return deny(version, 'member.knock.otherwise', `${target} is banned from this room.`);
  }
  if (membership === 'invite' || membership === 'join') {
    return deny(version, 'member.knock.otherwise', `${target} is already invited to this room or in it.`);
  }
  return allowed;
}

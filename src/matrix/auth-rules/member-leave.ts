/** Owns the rule about leaving, rejecting an invite, kicking and unbanning. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { describeLevel, membershipOf, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';

export function checkLeave(event: AuthEvent, target: string, room: RoomAuth): Verdict {
  const { version } = room;
  const senderMembership = membershipOf(room.state, event.sender);
  if (event.sender === target) {
    if (senderMembership === 'join' || senderMembership === 'invite') return allowed;
    if (senderMembership === 'knock' && version.knocking) return allowed;
    return deny(version, 'member.leave.self', `${target} is not in this room and not invited to it.`);
  }
  if (senderMembership !== 'join') {
    return deny(version, 'member.leave.senderJoined', `${event.sender} is not in this room.`);
  }
  const senderLevel = userPowerLevel(room, event.sender);
  const banLevel = namedLevel(room, 'ban');
  if (membershipOf(room.state, target) === 'ban' && senderLevel < banLevel) {
    const reason = `${event.sender} has power level ${describeLevel(senderLevel)}; lifting a ban takes ${banLevel}.`;
    return deny(version, 'member.leave.unban', reason);
  }
  const kickLevel = namedLevel(room, 'kick');
  const targetLevel = userPowerLevel(room, target);
  if (senderLevel >= kickLevel && targetLevel < senderLevel) return allowed;
  const reason =
    `${event.sender} has power level ${describeLevel(senderLevel)}; removing ${target} takes ${kickLevel}, ` +
    `and more than the level of ${target}, which is ${describeLevel(targetLevel)}.`;
  return deny(version, 'member.leave.otherwise', reason);
}

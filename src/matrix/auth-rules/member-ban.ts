/** Owns the rule about banning. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { describeLevel, membershipOf, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';

export function checkBan(event: AuthEvent, target: string, room: RoomAuth): Verdict {
  const { version } = room;
  if (membershipOf(room.state, event.sender) !== 'join') {
    return deny(version, 'member.ban.senderJoined', `${event.sender} is not in this room.`);
  }
  const senderLevel = userPowerLevel(room, event.sender);
  const banLevel = namedLevel(room, 'ban');
  const targetLevel = userPowerLevel(room, target);
  if (senderLevel >= banLevel && targetLevel < senderLevel) return allowed;
  const reason =
    `${event.sender} has power level ${describeLevel(senderLevel)}; banning ${target} takes ${banLevel}, ` +
    `and more than the level of ${target}, which is ${describeLevel(targetLevel)}.`;
  return deny(version, 'member.ban.otherwise', reason);
}

/** Owns the rule about `m.room.member`: its shape and which group judges which membership. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { checkBan } from '#matrix/auth-rules/member-ban.ts';
import { checkInvite } from '#matrix/auth-rules/member-invite.ts';
import { checkJoin } from '#matrix/auth-rules/member-join.ts';
import { checkKnock } from '#matrix/auth-rules/member-knock.ts';
import { checkLeave } from '#matrix/auth-rules/member-leave.ts';
import type { AuthOptions, RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { deny, type Verdict } from '#matrix/auth-rules/verdict.ts';

/**
 * The signature that `join_authorised_via_users_server` asks for (5.2 in version 12, 4.2 in versions 8 to 11) is not
 * looked at here: it belongs to the signature checks on receipt, which see the whole PDU.
 */
export function checkMember(event: AuthEvent, room: RoomAuth, options: AuthOptions): Verdict {
  const { version } = room;
  const target = event.state_key;
  const membership = ownValue(event.content, 'membership');
  if (target === undefined || membership === undefined) {
    return deny(version, 'member.shape', 'A membership event needs a state key and a "membership".');
  }
  if (membership === 'join') return checkJoin(event, target, room);
  if (membership === 'invite') return checkInvite(event, target, room, options);
  if (membership === 'leave') return checkLeave(event, target, room);
  if (membership === 'ban') return checkBan(event, target, room);
  if (membership === 'knock' && version.knocking) return checkKnock(event, target, room);
  return deny(version, 'member.unknown', `Room version ${version.id} does not have the membership in this event.`);
}

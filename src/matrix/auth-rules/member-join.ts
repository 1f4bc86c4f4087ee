/** Owns the rule about joining, restricted joins (from version 8) included. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { joinRuleOf, membershipOf, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { namedLevel, roomCreator, userPowerLevel } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

export function checkJoin(event: AuthEvent, target: string, room: RoomAuth): Verdict {
  const { version } = room;
  if (isFirstJoin(event, target, room)) return allowed;
  if (event.sender !== target) {
    return deny(version, 'member.join.sender', `${event.sender} cannot join the room for ${target}.`);
  }
  const membership = membershipOf(room.state, target);
  if (membership === 'ban') {
    return deny(version, 'member.join.banned', `${target} is banned from this room.`);
  }
  const joinRule = joinRuleOf(room.state);
  const isInvited = membership === 'invite' || membership === 'join';
  if (isInvited && (joinRule === 'invite' || (joinRule === 'knock' && version.knocking))) return allowed;
  if (isRestricted(joinRule, version)) {
    if (isInvited || isAuthorised(event, room)) return allowed;
    const reason = `${target} is not invited, and nobody who may invite has authorised this join.`;
    return deny(version, 'member.join.restricted.authorisingUser', reason);
  }
  if (joinRule === 'public') return allowed;
  return deny(version, 'member.join.otherwise', `${target} is not invited to this room.`);
}

/** The creator joins the empty room; the specification does not ask who sent that event. */
function isFirstJoin(event: AuthEvent, target: string, room: RoomAuth): boolean {
  const [only, second] = event.prev_events;
  return second === undefined && only === room.create.eventId && target === roomCreator(room.version, room.create);
}

function isRestricted(joinRule: string | undefined, version: RoomVersion): boolean {
  if (joinRule === 'restricted') return version.restrictedJoins;
  return joinRule === 'knock_restricted' && version.knockRestricted;
}

/** Only whether the named user could have authorised the join; that their server did is a signature check. */
function isAuthorised(event: AuthEvent, room: RoomAuth): boolean {
  const authoriser = ownValue(event.content, 'join_authorised_via_users_server');
  if (typeof authoriser !== 'string' || membershipOf(room.state, authoriser) !== 'join') return false;
  return userPowerLevel(room, authoriser) >= namedLevel(room, 'invite');
}

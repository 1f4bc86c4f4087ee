/** Owns the order of the rules that ask the room state whether an event is authorised. */
import { checkAliases } from '#matrix/auth-rules/aliases.ts';
import type { AuthState } from '#matrix/auth-rules/auth-event.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { checkCreate } from '#matrix/auth-rules/create.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { checkMember } from '#matrix/auth-rules/member.ts';
import { checkPowerLevels } from '#matrix/auth-rules/power-levels-change.ts';
import { checkRedaction } from '#matrix/auth-rules/redaction.ts';
import { describeLevel, membershipOf, type AuthOptions, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { checkThirdPartyInvite } from '#matrix/auth-rules/third-party-invite.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { allowed, deny, type Denial, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { eventPowerLevel, userPowerLevel } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/**
 * Judges an event against a state: the one its auth events make, the one before it, or the current one. The state must
 * give the create event in every version; from version 12 on, where no event cites it, the caller finds it by room id.
 * Not judged here: the event's list of auth events (`checkAuthEvents`) and every signature on the event, also the one
 * that a restricted join needs.
 * Specification: Room Versions, "Authorisation rules"; Server-Server API, "Checks performed on receipt of a PDU", 4–6.
 */
export function checkAuth(event: AuthEvent, version: RoomVersion, state: AuthState, options: AuthOptions): Verdict {
  if (event.type === 'm.room.create') return checkCreate(event, version);
  const create = state('m.room.create', '');
  if (create === undefined) {
    const rule = version.roomIdIsCreateHash ? 'roomId' : 'authEvents.create';
    return deny(version, rule, 'This room has no create event.');
  }
  if (ownValue(create.content, 'm.federate') === false && serverNameOf(event.sender) !== serverNameOf(create.sender)) {
    return deny(version, 'federate', `This room is closed to users of other servers, such as ${event.sender}.`);
  }
  if (version.aliasesSpecialCased && event.type === 'm.room.aliases') return checkAliases(event, version);
  const room: RoomAuth = { version, create, levels: state('m.room.power_levels', '')?.content, state };
  if (event.type === 'm.room.member') return checkMember(event, room, options);
  if (membershipOf(state, event.sender) !== 'join') {
    return deny(version, 'senderJoined', `${event.sender} is not in this room.`);
  }
  if (event.type === 'm.room.third_party_invite') return checkThirdPartyInvite(event, room);
  const denial = checkRequiredLevel(event, room) ?? checkUserStateKey(event, room);
  if (denial !== undefined) return denial;
  if (event.type === 'm.room.power_levels') return checkPowerLevels(event, room);
  if (version.redactionAuthRule && event.type === 'm.room.redaction') return checkRedaction(event, room);
  return allowed;
}

function checkRequiredLevel(event: AuthEvent, room: RoomAuth): Denial | undefined {
  const required = eventPowerLevel(room, event.type, event.state_key !== undefined);
  const senderLevel = userPowerLevel(room, event.sender);
  if (required <= senderLevel) return undefined;
  const reason = `${event.sender} has power level ${describeLevel(senderLevel)}; sending ${event.type} takes ${required}.`;
  return deny(room.version, 'requiredLevel', reason);
}

/** State under a user id belongs to that user, whatever the power of others. */
function checkUserStateKey(event: AuthEvent, room: RoomAuth): Denial | undefined {
  if (event.state_key === undefined || !event.state_key.startsWith('@') || event.state_key === event.sender) {
    return undefined;
  }
  const reason = `Only ${event.state_key} can set ${event.type} under that state key.`;
  return deny(room.version, 'userStateKey', reason);
}

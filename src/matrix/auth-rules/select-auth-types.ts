/** Owns the selection of auth events: which entries of the room state an event cites. */
import type { AuthEvent } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

export type AuthType = readonly [type: string, stateKey: string];

const createType: AuthType = ['m.room.create', ''];
const powerLevelsType: AuthType = ['m.room.power_levels', ''];
const joinRulesType: AuthType = ['m.room.join_rules', ''];

/**
 * The (type, state key) pairs whose current events, as far as they exist, are the auth events of this event. No pair
 * occurs twice. Specification: Server-Server API, "Auth events selection".
 */
export function selectAuthTypes(
  event: Pick<AuthEvent, 'type' | 'sender' | 'state_key' | 'content'>,
  version: RoomVersion,
): readonly AuthType[] {
  if (event.type === 'm.room.create') return [];
  const senderType: AuthType = ['m.room.member', event.sender];
  const types = version.roomIdIsCreateHash ? [powerLevelsType, senderType] : [createType, powerLevelsType, senderType];
  if (event.type === 'm.room.member') addMemberTypes(types, event, version);
  return types;
}

function addMemberTypes(
  types: AuthType[],
  event: Pick<AuthEvent, 'sender' | 'state_key' | 'content'>,
  version: RoomVersion,
): void {
  const target = event.state_key;
  if (target !== undefined && target !== event.sender) types.push(['m.room.member', target]);
  const membership = ownValue(event.content, 'membership');
  if (membership === 'join' || membership === 'invite' || membership === 'knock') types.push(joinRulesType);
  if (membership === 'invite') {
    const token = findThirdPartyToken(event);
    if (token !== undefined) types.push(['m.room.third_party_invite', token]);
  }
  if (membership === 'join' && version.restrictedJoins) {
    const authoriser = ownValue(event.content, 'join_authorised_via_users_server');
    if (typeof authoriser === 'string' && authoriser !== event.sender && authoriser !== target) {
      types.push(['m.room.member', authoriser]);
    }
  }
}

function findThirdPartyToken(event: Pick<AuthEvent, 'content'>): string | undefined {
  const thirdPartyInvite = ownValue(event.content, 'third_party_invite');
  const signed = isJsonObject(thirdPartyInvite) ? ownValue(thirdPartyInvite, 'signed') : undefined;
  const token = isJsonObject(signed) ? ownValue(signed, 'token') : undefined;
  return typeof token === 'string' ? token : undefined;
}

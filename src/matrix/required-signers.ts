/** Owns the question which servers must have signed an event. */
import { serverNameOf } from '#matrix/ids.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { Pdu } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/**
 * The servers whose signature a PDU needs to be accepted at all: that of the sender, unless the event redeems a
 * third-party invite (whose own signature the auth rules check), and in versions 1 and 2 that of the event id.
 * Specification: Server-Server API, "Validating hashes and signatures on received events".
 */
export function requiredSigners(pdu: Pdu, version: RoomVersion): ReadonlySet<string> {
  const signers = new Set<string>();
  const ids = isThirdPartyInvite(pdu) ? [] : [pdu.sender];
  if (version.eventId === 'in-pdu' && pdu.event_id !== undefined) ids.push(pdu.event_id);
  for (const id of ids) {
    const serverName = serverNameOf(id);
    if (serverName !== undefined) signers.add(serverName);
  }
  return signers;
}

/**
 * The server that vouched for a restricted join and must have signed it, or the auth rules reject the event; undefined
 * for every other event. A value that is no user id of a server gives an empty name, whose signature nobody has.
 * Specification: room version 8, "Authorisation rules", the rule about `join_authorised_via_users_server`.
 */
export function authorisingServer(pdu: Pdu, version: RoomVersion): string | undefined {
  if (!version.restrictedJoins || pdu.type !== 'm.room.member') return undefined;
  const authorisingUser = pdu.content['join_authorised_via_users_server'];
  if (authorisingUser === undefined) return undefined;
  return typeof authorisingUser === 'string' ? (serverNameOf(authorisingUser) ?? '') : '';
}

function isThirdPartyInvite(pdu: Pdu): boolean {
  if (pdu.type !== 'm.room.member' || pdu.content['membership'] !== 'invite') return false;
  return isJsonObject(pdu.content['third_party_invite']);
}

/** Owns the rule about an invite that redeems a third-party invite, proved by a signature over the token. */
import type { AuthEvent, JsonObject, JsonValue } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { membershipOf, type AuthOptions, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';

// Both lists come from remote users, and two full events would ask for half a million verifications, about a minute.
const verificationsMax = 1024;

export function checkInviteByThirdParty(
  event: AuthEvent,
  target: string,
  thirdPartyInvite: JsonValue,
  room: RoomAuth,
  options: AuthOptions,
): Verdict {
  const { version } = room;
  if (membershipOf(room.state, target) === 'ban') {
    return deny(version, 'member.invite.thirdParty.banned', `${target} is banned from this room.`);
  }
  const signed = isJsonObject(thirdPartyInvite) ? ownValue(thirdPartyInvite, 'signed') : undefined;
  if (!isJsonObject(signed)) {
    return deny(version, 'member.invite.thirdParty.signed', 'The third-party invite has no "signed" object.');
  }
  const mxid = ownValue(signed, 'mxid');
  const token = ownValue(signed, 'token');
  if (mxid === undefined || token === undefined) {
    return deny(version, 'member.invite.thirdParty.properties', 'The third-party invite lacks "mxid" or "token".');
  }
  if (mxid !== target) {
    return deny(version, 'member.invite.thirdParty.mxid', `The third-party invite was not signed for ${target}.`);
  }
  const invitation = typeof token === 'string' ? room.state('m.room.third_party_invite', token) : undefined;
  if (invitation === undefined) {
    return deny(version, 'member.invite.thirdParty.event', 'This room has no third-party invite with that token.');
  }
  if (invitation.sender !== event.sender) {
    const reason = `The third-party invite was sent by ${invitation.sender}, not by ${event.sender}.`;
    return deny(version, 'member.invite.thirdParty.sender', reason);
  }
  if (isSignedByAny(signed, publicKeysOf(invitation.content), options)) return allowed;
  return deny(version, 'member.invite.thirdParty.otherwise', 'No signature of the third-party invite is valid.');
}

/** Server and key id of a signature are not asked for: any signature may match any key of the invitation. */
function isSignedByAny(signed: JsonObject, publicKeys: ReadonlySet<string>, options: AuthOptions): boolean {
  let verificationsLeft = verificationsMax;
  for (const signature of signaturesOf(signed)) {
    for (const publicKey of publicKeys) {
      if (verificationsLeft === 0) return false;
      verificationsLeft -= 1;
      if (options.verify(signed, signature, publicKey)) return true;
    }
  }
  return false;
}

function signaturesOf(signed: JsonObject): ReadonlySet<string> {
  const found = new Set<string>();
  const servers = ownValue(signed, 'signatures');
  for (const byKeyId of isJsonObject(servers) ? Object.values(servers) : []) {
    for (const signature of isJsonObject(byKeyId) ? Object.values(byKeyId) : []) {
      if (typeof signature === 'string') found.add(signature);
    }
  }
  return found;
}

function publicKeysOf(content: JsonObject): ReadonlySet<string> {
  const found = new Set<string>();
  const single = ownValue(content, 'public_key');
  if (typeof single === 'string') found.add(single);
  const list = ownValue(content, 'public_keys');
  for (const entry of Array.isArray(list) ? list : []) {
    const publicKey = isJsonObject(entry) ? ownValue(entry, 'public_key') : undefined;
    if (typeof publicKey === 'string') found.add(publicKey);
  }
  return found;
}

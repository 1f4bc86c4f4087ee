/** Owns the rule about `m.room.create` (rule 1 in all versions). */
import type { AuthEvent, JsonValue } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';

export function checkCreate(event: AuthEvent, version: RoomVersion): Verdict {
  if (event.prev_events.length > 0) {
    return deny(version, 'create.prevEvents', 'A create event must be the first event of its room.');
  }
  if (!hasOwnRoomId(event, version)) {
    return deny(version, 'create.roomId', `The room id ${event.room_id} does not belong to this create event.`);
  }
  const roomVersion = ownValue(event.content, 'room_version');
  if (roomVersion !== undefined && (typeof roomVersion !== 'string' || findRoomVersion(roomVersion) === undefined)) {
    return deny(version, 'create.roomVersion', 'The create event names a room version that is not known here.');
  }
  if (version.creatorInContent && ownValue(event.content, 'creator') === undefined) {
    return deny(version, 'create.creator', 'The create event does not name the creator.');
  }
  if (version.privilegedCreators && !areValidCreators(ownValue(event.content, 'additional_creators'))) {
    return deny(version, 'create.additionalCreators', '"additional_creators" must be a list of user ids.');
  }
  return allowed;
}

/**
 * Until version 11 the room id carries the sender's server. From version 12 on the event may have no `room_id` on the
 * wire: one that stood there was part of what the event id hashes, so it cannot equal the id derived from the hash.
 */
function hasOwnRoomId(event: AuthEvent, version: RoomVersion): boolean {
  if (version.roomIdIsCreateHash) return event.room_id === `!${event.eventId.slice(1)}`;
  const server = serverNameOf(event.room_id);
  return server !== undefined && server === serverNameOf(event.sender);
}

function areValidCreators(creators: JsonValue | undefined): boolean {
  if (creators === undefined) return true;
  return Array.isArray(creators) && creators.every((creator) => typeof creator === 'string' && isUserId(creator));
}

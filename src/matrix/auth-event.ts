/** Owns the view of a PDU that the auth rules and the state resolution read. */
import { roomIdOfCreate } from '#matrix/hashes.ts';
import { eventIdsOf, type AuthEvent, type Pdu } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** The auth rules' view of a PDU: parents as ids, `room_id` always there, `redacts` from wherever the version has it. */
export function authEventOf(pdu: Pdu, eventId: string, version: RoomVersion): AuthEvent {
  const redacts = version.redactsInContent ? pdu.content['redacts'] : pdu.redacts;
  return {
    eventId,
    type: pdu.type,
    sender: pdu.sender,
    room_id: pdu.room_id ?? roomIdOfCreate(eventId),
    ...(pdu.state_key === undefined ? {} : { state_key: pdu.state_key }),
    content: pdu.content,
    ...(typeof redacts === 'string' ? { redacts } : {}),
    auth_events: eventIdsOf(pdu.auth_events),
    prev_events: eventIdsOf(pdu.prev_events),
    origin_server_ts: pdu.origin_server_ts,
    depth: pdu.depth,
  };
}

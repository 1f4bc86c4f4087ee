/** Owns the format of PDUs: which fields each room version has, and of what type. */
import { isEventId, isRoomId, isUserId } from '#matrix/ids.ts';
import type { EventHashes, EventReference, JsonObject, JsonValue, Pdu, Signatures } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

const PREV_EVENTS_MAX = 20;
const AUTH_EVENTS_MAX = 10;
const ID_BYTES_MAX = 255;

export type FormatVerdict = { readonly ok: true; readonly pdu: Pdu } | { readonly ok: false; readonly message: string };

/**
 * Checks the type of every field and makes a typed PDU of a JSON object; keys that the version does not know stay,
 * since the hashes cover them. Integers beyond 2^53 − 1, which versions 1 to 5 allow in `depth` and
 * `origin_server_ts`, are lowered to it here; the event's text keeps them.
 * Specification: Server-Server API, "PDUs"; "Event format" of each room version.
 */
export function checkPduFormat(value: JsonObject, version: RoomVersion): FormatVerdict {
  const { type, sender, content, hashes, signatures, redacts } = value;
  if (typeof type !== 'string') return fault('type', 'a string');
  if (typeof sender !== 'string' || !isUserId(sender)) return fault('sender', 'a user id');
  if (!isJsonObject(content)) return fault('content', 'an object');
  if (!isHashes(hashes)) return fault('hashes', 'an object with a string `sha256`');
  if (!isSignatures(signatures)) return fault('signatures', 'an object of objects of strings');
  const { state_key: stateKey, room_id: roomId, event_id: eventId } = value;
  if (stateKey !== undefined && typeof stateKey !== 'string') return fault('state_key', 'a string');
  if (!isRoomIdOfVersion(roomId, type === 'm.room.create', version))
    return fault('room_id', 'a room id of its room version');
  const originServerTs = integerOf(value['origin_server_ts']);
  if (originServerTs === undefined) return fault('origin_server_ts', 'an integer');
  const depth = integerOf(value['depth']);
  if (depth === undefined) return fault('depth', 'an integer');
  const { prev_events: prevEvents, auth_events: authEvents } = value;
  if (!isReferences(prevEvents, PREV_EVENTS_MAX, version))
    return fault('prev_events', 'a list of at most 20 event ids');
  if (!isReferences(authEvents, AUTH_EVENTS_MAX, version))
    return fault('auth_events', 'a list of at most 10 event ids');
  if (!version.redactsInContent && redacts !== undefined && typeof redacts !== 'string') {
    return fault('redacts', 'an event id');
  }
  if (version.eventId === 'in-pdu' && !(typeof eventId === 'string' && eventId.includes(':') && isEventId(eventId))) {
    return fault('event_id', 'an event id that names a server');
  }
  const pdu: Pdu = {
    ...value,
    type,
    sender,
    content,
    hashes,
    signatures,
    origin_server_ts: originServerTs,
    depth,
    prev_events: prevEvents,
    auth_events: authEvents,
  };
  return { ok: true, pdu };
}

function fault(field: string, expected: string): FormatVerdict {
  return { ok: false, message: `The event's ${field} must be ${expected}.` };
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The number, lowered to what a double holds exactly; undefined if it is no integer. */
function integerOf(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
}

/** Version 12 leaves the room id out of the create event and has none but hashes; before, it names a server. */
function isRoomIdOfVersion(
  roomId: JsonValue | undefined,
  isCreate: boolean,
  version: RoomVersion,
): roomId is string | undefined {
  if (version.roomIdIsCreateHash && isCreate) return roomId === undefined;
  if (typeof roomId !== 'string' || !isRoomId(roomId)) return false;
  return roomId.includes(':') !== version.roomIdIsCreateHash;
}

function isHashes(value: JsonValue | undefined): value is EventHashes {
  return isJsonObject(value) && typeof value['sha256'] === 'string' && isStrings(value);
}

function isSignatures(value: JsonValue | undefined): value is Signatures {
  return isJsonObject(value) && Object.values(value).every((ofServer) => isJsonObject(ofServer) && isStrings(ofServer));
}

function isStrings(value: JsonObject): value is { [key: string]: string } {
  return Object.values(value).every((member) => typeof member === 'string');
}

function isReferences(value: JsonValue | undefined, max: number, version: RoomVersion): value is EventReference[] {
  if (!Array.isArray(value) || value.length > max) return false;
  return value.every((reference) => {
    if (version.eventId !== 'in-pdu') return isReferredId(reference);
    if (!Array.isArray(reference) || reference.length !== 2) return false;
    const [eventId, hashes] = reference;
    return isReferredId(eventId) && isJsonObject(hashes) && isStrings(hashes);
  });
}

/** Looser than the grammar of ids: an id that no event can have is an event that is never found. */
function isReferredId(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.startsWith('$') && Buffer.byteLength(value) <= ID_BYTES_MAX;
}

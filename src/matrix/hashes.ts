/** Owns the hashes of events and what is made of them: event ids and the room ids of version 12. */
import { hash } from 'node:crypto';
import { canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import type { ExactJsonObject } from '#matrix/pdu.ts';
import { redact } from '#matrix/redaction.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** SHA-256 of the text's UTF-8 form, in unpadded base64. */
export function sha256Base64(text: string): string {
  // 32 bytes are always 43 characters and one `=`.
  return hash('sha256', text, 'base64').slice(0, 43);
}

/**
 * The text that the content hash covers: the event without `unsigned`, `signatures` and `hashes`.
 * Specification: Server-Server API, "Calculating the content hash for an event".
 */
export function contentHashText(event: ExactJsonObject): string {
  const { unsigned: _unsigned, signatures: _signatures, hashes: _hashes, ...covered } = event;
  return canonicalJsonOfOldVersions(covered);
}

/** The content hash, as `hashes.sha256` has it. */
export function contentHash(event: ExactJsonObject): string {
  return sha256Base64(contentHashText(event));
}

/**
 * The text that signatures and the reference hash cover: the redacted event without `signatures` and `unsigned`.
 * Specification: Server-Server API, "Calculating the reference hash for an event" and "Signing Events".
 */
export function signedText(event: ExactJsonObject, version: RoomVersion): string {
  const { signatures: _signatures, ...covered } = redact(event, version);
  return canonicalJsonOfOldVersions(covered);
}

/** The reference hash in unpadded standard base64, as `prev_events` of versions 1 and 2 have it. */
export function referenceHash(event: ExactJsonObject, version: RoomVersion): string {
  return sha256Base64(signedText(event, version));
}

/**
 * The event id that a signed text gives in versions 3 and later; in versions 1 and 2 the id stands in the event.
 * Specification: "Event IDs" of room versions 3 and 4.
 */
export function eventIdOfSignedText(text: string, version: RoomVersion): string {
  if (version.eventId === 'hash-urlsafe-base64') return `$${hash('sha256', text, 'base64url')}`;
  if (version.eventId === 'hash-standard-base64') return `$${sha256Base64(text)}`;
  throw new TypeError(`Room version ${version.id} does not make event ids from hashes.`);
}

/** The id of an event: its reference hash, or in versions 1 and 2 its `event_id`. */
export function eventIdOf(event: ExactJsonObject, version: RoomVersion): string {
  if (version.eventId !== 'in-pdu') return eventIdOfSignedText(signedText(event, version), version);
  const { event_id: eventId } = event;
  if (typeof eventId !== 'string') throw new TypeError(`An event of room version ${version.id} has no event_id.`);
  return eventId;
}

/** The room id that a create event of version 12 makes. Specification: room version 12, "Event format". */
export function roomIdOfCreate(createEventId: string): string {
  return `!${createEventId.slice(1)}`;
}

/** The id of the create event of a room of version 12. */
export function createEventIdOf(roomId: string): string {
  return `$${roomId.slice(1)}`;
}

/** Owns how the events that follow an event name it: by its id, in versions 1 and 2 with its reference hash. */
import { sha256Base64 } from '#matrix/hashes.ts';
import { referenceHashOfStored } from '#matrix/pdu-checks.ts';
import type { EventReference } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';

export function referenceTo({ eventId, signedText, version }: ValidatedPdu): EventReference {
  return version.eventId === 'in-pdu' ? [eventId, { sha256: sha256Base64(signedText) }] : eventId;
}

/** As `referenceTo`, of an event of which only the text is at hand. */
export function referenceToStored(eventId: string, json: string, version: RoomVersion): EventReference {
  return version.eventId === 'in-pdu' ? [eventId, { sha256: referenceHashOfStored(json, version) }] : eventId;
}

/** Owns the size limits of events, which are counted in bytes of UTF-8. */
import type { Pdu } from '#matrix/pdu.ts';

/** The whole event as canonical JSON with its signatures, without `unsigned`. */
export const EVENT_BYTES_MAX = 65_536;
const FIELD_BYTES_MAX = 255;

/**
 * What of the event is too large, as a sentence; undefined if nothing is. `json` is the canonical text without
 * `unsigned`: that differs from hop to hop and is not kept, so it must not decide whether an event exists.
 * Specification: Client-Server API, "Size limits".
 */
export function findOversize(pdu: Pdu, eventId: string, json: string): string | undefined {
  if (isLonger(json, EVENT_BYTES_MAX)) return `The event is larger than ${EVENT_BYTES_MAX} bytes.`;
  return (
    oversizeOf('type', pdu.type) ??
    oversizeOf('sender', pdu.sender) ??
    oversizeOf('room_id', pdu.room_id) ??
    oversizeOf('state_key', pdu.state_key) ??
    oversizeOf('event id', eventId)
  );
}

function oversizeOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined || !isLonger(value, FIELD_BYTES_MAX)) return undefined;
  return `The event's ${name} is longer than ${FIELD_BYTES_MAX} bytes.`;
}

function isLonger(text: string, bytesMax: number): boolean {
  // A UTF-16 unit is one to three bytes of UTF-8, so that most texts need no count.
  if (text.length > bytesMax) return true;
  return text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;
}

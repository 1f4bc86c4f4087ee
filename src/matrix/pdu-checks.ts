/** Owns the first check of every event from outside: whether it is an event of its room version at all. */
import { decodeBase64 } from '#matrix/base64.ts';
import { canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import { findOversize } from '#matrix/event-sizes.ts';
import { contentHash, eventIdOfSignedText, referenceHash, roomIdOfCreate, signedText } from '#matrix/hashes.ts';
import { parseJsonBytes, parseJsonExactly } from '#matrix/parse-json.ts';
import { checkPduFormat, isJsonObject } from '#matrix/pdu-format.ts';
import type { ExactJsonObject, ExactJsonValue, JsonObject, JsonValue, Pdu } from '#matrix/pdu.ts';
import { redactJson } from '#matrix/redaction.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { markValidated, type ValidatedPdu } from '#matrix/validated-pdu.ts';

export type PduRefusal = {
  readonly ok: false;
  readonly reason: 'not-json' | 'bad-json' | 'too-large' | 'bad-format';
  readonly message: string;
};
export type PduVerdict = { readonly ok: true; readonly event: ValidatedPdu } | PduRefusal;

// The canonical text has at most 65,536 bytes; escapes, white space and `unsigned` may make it longer on the way.
const WIRE_BYTES_MAX = 1_000_000;

/**
 * Checks an event from outside against the format and the sizes of its room version: the first of the checks on
 * receipt, whose failure drops the event. It also computes the event's id and whether its content hash matches; the
 * signatures (`checkSignatures` over `signedText`) and the auth rules come after.
 * Specification: Server-Server API, "Checks performed on receipt of a PDU", and "Event format" of each version.
 */
export function validatePdu(input: Uint8Array | string, version: RoomVersion): PduVerdict {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const numbers = version.canonicalJsonEnforced ? 'canonical' : 'any';
  const parsed = parseJsonBytes(bytes, { bytesMax: WIRE_BYTES_MAX, numbers });
  if (!parsed.ok) return parsed;
  if (!isJsonObject(parsed.value)) return { ok: false, reason: 'bad-format', message: 'An event is a JSON object.' };
  const { unsigned, ...value } = parsed.value;
  // What it holds is nobody's word and is dropped, but the format of every version says that it is an object.
  if (unsigned !== undefined && !isJsonObject(unsigned)) {
    return { ok: false, reason: 'bad-format', message: "The event's unsigned must be an object." };
  }
  if (parsed.canonicalNumbers) return validateValue(value, value, version);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return validateValue(value, exactEventOf(text), version);
}

/** `exact` is the same event with bigints for the integers that `value` could only approximate. */
function validateValue(value: JsonObject, exact: ExactJsonObject, version: RoomVersion): PduVerdict {
  const format = checkPduFormat(value, version);
  if (!format.ok) return { ok: false, reason: 'bad-format', message: format.message };
  const { pdu } = format;
  const json = canonicalJsonOfOldVersions(exact);
  const covered = signedText(exact, version);
  const eventId = eventIdFrom(pdu, covered, version);
  const message = findOversize(pdu, eventId, json);
  if (message !== undefined) return { ok: false, reason: 'too-large', message };
  const contentHashMatches = isSameHash(contentHash(exact), pdu.hashes['sha256']);
  const roomId = pdu.room_id ?? roomIdOfCreate(eventId);
  return {
    ok: true,
    event: markValidated({ eventId, roomId, version, pdu, json, signedText: covered, contentHashMatches }),
  };
}

/**
 * The redacted copy of an event, which takes its place when the content hash does not match. Id and signatures stay.
 * Specification: Server-Server API, "Validating hashes and signatures on received events".
 */
export function redactedCopy(event: ValidatedPdu): ValidatedPdu {
  const json = redactJson(event.json, event.version);
  return markValidated({ ...event, json, pdu: readStoredPdu(json, event.version) });
}

/** The PDU out of the canonical text that a validated event was stored as. */
export function readStoredPdu(json: string, version: RoomVersion): Pdu {
  const value: JsonValue = JSON.parse(json);
  const format = isJsonObject(value) ? checkPduFormat(value, version) : undefined;
  if (format?.ok !== true) throw new TypeError('A stored event does not have the format of its room version.');
  return format.pdu;
}

/** The reference hash of an event, from the canonical text that it was stored as. */
export function referenceHashOfStored(json: string, version: RoomVersion): string {
  return referenceHash(exactEventOf(json), version);
}

function eventIdFrom(pdu: Pdu, covered: string, version: RoomVersion): string {
  const given = version.eventId === 'in-pdu' ? pdu.event_id : undefined;
  return given ?? eventIdOfSignedText(covered, version);
}

/** The hash that came is compared after decoding, since it may be padded. */
function isSameHash(computed: string, given: string | undefined): boolean {
  return given !== undefined && decodeBase64(given)?.equals(Buffer.from(computed, 'base64')) === true;
}

function exactEventOf(text: string): ExactJsonObject {
  const exact: ExactJsonValue = parseJsonExactly(text);
  if (typeof exact !== 'object' || exact === null || Array.isArray(exact))
    throw new TypeError('An event is an object.');
  const { unsigned: _unsigned, ...event } = exact;
  return event;
}

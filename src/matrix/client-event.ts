/** Owns the form in which clients get events, cut as text from the stored text. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { sliceMembers } from '#matrix/json-slices.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** What `unsigned` may say, to one reader at one moment. Parts that end in `Json` are JSON text. */
export type UnsignedParts = {
  /** Milliseconds since the event was sent, by this server's clock. */
  readonly ageMs?: number;
  /** For the device that sent the event alone. */
  readonly transactionId?: string;
  /** The content of the state event that this one replaced, if the reader may see it. */
  readonly prevContentJson?: string;
  /** The id of the state event that this one replaced. */
  readonly replacesState?: string;
  /** Who sent it: no word of the specification, but clients and the conformance suite know it. */
  readonly prevSender?: string;
  /** The reader's membership at the event. */
  readonly membership?: string;
  /** The redaction event, as a client event. */
  readonly redactedBecauseJson?: string;
  /** The aggregations: the object that `m.relations` is. */
  readonly relationsJson?: string;
};

/**
 * What a client event says the same to everybody, from the canonical text of the event as it is stored (or of its
 * redacted form): JSON up to, but without, `room_id`, `unsigned` and the closing brace, which `clientEventJson` adds.
 * It is worth keeping for an event that many are sent. Only the keys that the client format knows are taken over.
 * Redactions have `redacts` both at the top and in `content`, whatever their room version.
 * Specification: Client-Server API, "Room event format"; `m.room.redaction`.
 */
export function clientEventStem(json: string, eventId: string, version: RoomVersion): string {
  const members = sliceMembers(json);
  let content = members.get('content') ?? '{}';
  let redactsPart = '';
  if (members.get('type') === '"m.room.redaction"') {
    const redacts = version.redactsInContent ? sliceMembers(content).get('redacts') : members.get('redacts');
    if (redacts?.startsWith('"') === true) {
      redactsPart = `"redacts":${redacts},`;
      if (!version.redactsInContent) content = withMember(content, 'redacts', redacts);
    }
  }
  const stateKey = members.get('state_key');
  const stateKeyPart = stateKey === undefined ? '' : `"state_key":${stateKey},`;
  return (
    `{"content":${content},"event_id":${canonicalString(eventId)},` +
    `"origin_server_ts":${members.get('origin_server_ts')},${redactsPart}` +
    `"sender":${members.get('sender')},${stateKeyPart}"type":${members.get('type')}`
  );
}

/**
 * Completes a stem: with `room_id` except in `/sync`, where the room is known, and with `unsigned` unless it is empty.
 * `unsignedJson` is what `unsignedJson()` made.
 */
export function clientEventJson(stem: string, roomId: string | undefined, unsigned: string): string {
  const roomPart = roomId === undefined ? '' : `,"room_id":${canonicalString(roomId)}`;
  return unsigned === '' ? `${stem}${roomPart}}` : `${stem}${roomPart},"unsigned":${unsigned}}`;
}

/** The text of `unsigned`, empty if there is nothing to say. */
export function unsignedJson(parts: UnsignedParts): string {
  let text = '';
  if (parts.ageMs !== undefined) text += `,"age":${Math.trunc(parts.ageMs)}`;
  if (parts.transactionId !== undefined) text += `,"transaction_id":${canonicalString(parts.transactionId)}`;
  if (parts.membership !== undefined) text += `,"membership":${canonicalString(parts.membership)}`;
  if (parts.replacesState !== undefined) text += `,"replaces_state":${canonicalString(parts.replacesState)}`;
  if (parts.prevSender !== undefined) text += `,"prev_sender":${canonicalString(parts.prevSender)}`;
  if (parts.prevContentJson !== undefined) text += `,"prev_content":${parts.prevContentJson}`;
  if (parts.redactedBecauseJson !== undefined) text += `,"redacted_because":${parts.redactedBecauseJson}`;
  if (parts.relationsJson !== undefined) text += `,"m.relations":${parts.relationsJson}`;
  return text === '' ? '' : `{${text.slice(1)}}`;
}

/** The text of an event's content, as `unsigned.prev_content` and `/state` without `format=event` have it. */
export function contentJsonOf(json: string): string {
  return sliceMembers(json).get('content') ?? '{}';
}

/**
 * The stripped state event, from the stored text of a state event or from one that another server sent.
 * Specification: Client-Server API, "Stripped state".
 */
export function strippedStateJson(json: string): string {
  const members = sliceMembers(json);
  return (
    `{"content":${members.get('content')},"sender":${members.get('sender')},` +
    `"state_key":${members.get('state_key')},"type":${members.get('type')}}`
  );
}

/** The object's text with one member put in, in place of one of the same name. */
function withMember(objectJson: string, key: string, valueJson: string): string {
  const members = sliceMembers(objectJson).set(key, valueJson);
  const parts = Array.from(members, ([name, text]) => `${canonicalString(name)}:${text}`);
  return `{${parts.join(',')}}`;
}

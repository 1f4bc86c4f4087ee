/** Owns the shapes of events: JSON values, the PDU as it is on the wire, and the view of it that the auth rules read. */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/** JSON in which integers that a double cannot hold are bigints. Only events of room versions 1 to 5 need it, to be hashed. */
export type ExactJsonValue = null | boolean | number | bigint | string | ExactJsonValue[] | ExactJsonObject;
export type ExactJsonObject = { [key: string]: ExactJsonValue };

/** `{sha256: <unpadded base64>}`; other algorithms may stand beside it. */
export type EventHashes = { [algorithm: string]: string };

/** Server name → key id (`ed25519:abc`) → signature in unpadded base64. */
export type Signatures = { [serverName: string]: { [keyId: string]: string } };

/** How versions 1 and 2 name a parent: its id with its reference hash. Later versions use the id alone. */
export type EventReference = string | [eventId: string, hashes: EventHashes];

/**
 * A persistent data unit, with the names of the wire. It may carry further keys, which the content hash covers;
 * a `JsonObject` view of the same value reaches them.
 * Specification: Server-Server API, "PDUs", and "Event format" of each room version.
 */
export type Pdu = {
  type: string;
  sender: string;
  /** Absent only from a create event of version 12 and later. */
  room_id?: string;
  /** Present, perhaps empty, if and only if this is a state event. */
  state_key?: string;
  content: JsonObject;
  /** Milliseconds since the Unix epoch, as the sending server claims. */
  origin_server_ts: number;
  depth: number;
  prev_events: EventReference[];
  auth_events: EventReference[];
  hashes: EventHashes;
  signatures: Signatures;
  /** Versions 1 to 10; later versions have it in `content`. */
  redacts?: string;
  unsigned?: JsonObject;
  /** Versions 1 and 2 only; later the id is the reference hash. */
  event_id?: string;
};

/**
 * What the auth rules and the state resolution look at: a PDU with its id, with `room_id` always filled in (also for
 * a create event of version 12) and with parents as plain ids in every version.
 */
export type AuthEvent = {
  readonly eventId: string;
  readonly type: string;
  readonly sender: string;
  readonly room_id: string;
  readonly state_key?: string;
  readonly content: JsonObject;
  /** Wherever the version keeps it, it stands here too. */
  readonly redacts?: string;
  readonly auth_events: readonly string[];
  readonly prev_events: readonly string[];
  readonly origin_server_ts: number;
  readonly depth: number;
};

/** The ids out of `prev_events` or `auth_events`, whichever form the room version uses. */
export function eventIdsOf(references: readonly EventReference[]): string[] {
  return references.map((reference) => (typeof reference === 'string' ? reference : reference[0]));
}

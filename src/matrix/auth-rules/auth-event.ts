/** Owns what the auth rules read: the view of an event and the way to look state up. */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/**
 * A PDU with its id, with `room_id` always filled in (also for a create event of version 12, where it is derived from
 * the id) and with parents as plain ids in every version.
 */
export type AuthEvent = {
  readonly eventId: string;
  readonly type: string;
  readonly sender: string;
  readonly room_id: string;
  /** Present, perhaps empty, if and only if this is a state event. */
  readonly state_key?: string;
  readonly content: JsonObject;
  /** Wherever the version keeps it, it stands here too. */
  readonly redacts?: string;
  readonly auth_events: readonly string[];
  readonly prev_events: readonly string[];
  readonly origin_server_ts: number;
  readonly depth: number;
};

/** Reads one entry of a room state, or of an event's own auth events, by type and state key. */
export type AuthState = (type: string, stateKey: string) => AuthEvent | undefined;

/** Owns which events of a room somebody is shown who is invited to it or knocks on it. */

import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';

/** A key of the room state: the event type and the state key. */
export type StateKey = readonly [type: string, stateKey: string];

const shown: readonly StateKey[] = [
  ['m.room.create', ''],
  ['m.room.join_rules', ''],
  ['m.room.name', ''],
  ['m.room.avatar', ''],
  ['m.room.topic', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.encryption', ''],
];

/**
 * The state that goes into an invite or a knock, the create event first, which is required. With an inviter, their
 * member event is among it, so that the invited user sees a name; `strippedStateJson` gives each event its form.
 * Specification: Client-Server API, "Stripped state".
 */
export function strippedStateKeys(inviter?: string): readonly StateKey[] {
  return inviter === undefined ? shown : [...shown, ['m.room.member', inviter]];
}

/** An event as somebody is shown it who is not in the room. */
export type StrippedEvent = {
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
  readonly content: JsonObject;
};

/** Events of another server's choice that are shown, and how long their text may be together. */
const STRIPPED_EVENTS_MAX = 100;
const STRIPPED_CHARACTERS_MAX = 200_000;

export function stripEvent(event: {
  readonly type: string;
  readonly state_key?: string;
  readonly sender: string;
  readonly content: JsonObject;
}): StrippedEvent {
  const { type, state_key = '', sender, content } = event;
  return { type, state_key, sender, content };
}

/**
 * The stripped state that another server told, without what is none: an invite or a knock does not fail for it. What
 * exceeds the limits is left out. Whole events are taken too, as they are sent since version 1.16.
 * Specification: Client-Server API, "Stripped state".
 */
export function selectStripped(told: JsonValue | undefined): StrippedEvent[] {
  const selected: StrippedEvent[] = [];
  let characters = 0;
  for (const each of Array.isArray(told) ? told : []) {
    if (!isJsonObject(each)) continue;
    const { type, state_key: stateKey, sender, content } = each;
    if (typeof type !== 'string' || typeof stateKey !== 'string' || typeof sender !== 'string') continue;
    if (!isJsonObject(content)) continue;
    const event = { type, state_key: stateKey, sender, content };
    characters += JSON.stringify(event).length;
    if (characters > STRIPPED_CHARACTERS_MAX || selected.length >= STRIPPED_EVENTS_MAX) break;
    selected.push(event);
  }
  return selected;
}

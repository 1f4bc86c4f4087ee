/** Owns which events of a room somebody is shown who is invited to it or knocks on it. */

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

/** Owns the selection of auth events as the vectors need it, written from the text and not shared with the server. */
import type { AuthEvent, Json } from '#test/vectors/generate/sketch.ts';

/**
 * The entries of `state` that the event should cite. `create` says whether the version selects the create event,
 * `restricted` whether it knows restricted joins. Specification: Server-Server API, "Auth events selection".
 */
export function selectAuthEvents(
  event: AuthEvent,
  state: readonly AuthEvent[],
  version: { readonly create: boolean; readonly restricted: boolean },
): AuthEvent[] {
  if (event.type === 'm.room.create') return [];
  const wanted: [type: string, stateKey: string][] = [];
  if (version.create) wanted.push(['m.room.create', '']);
  wanted.push(['m.room.power_levels', ''], ['m.room.member', event.sender]);
  if (event.type === 'm.room.member') wanted.push(...wantedForMember(event, version.restricted));
  const keys = new Set(wanted.map((pair) => JSON.stringify(pair)));
  return state.filter((entry) => keys.has(JSON.stringify([entry.type, entry.state_key])));
}

function wantedForMember(event: AuthEvent, restricted: boolean): [string, string][] {
  const { membership, third_party_invite: invite, join_authorised_via_users_server: authoriser } = event.content;
  const wanted: [string, string][] = [];
  if (event.state_key !== undefined) wanted.push(['m.room.member', event.state_key]);
  if (membership === 'join' || membership === 'invite' || membership === 'knock')
    wanted.push(['m.room.join_rules', '']);
  const token = property(property(invite, 'signed'), 'token');
  if (membership === 'invite' && typeof token === 'string') wanted.push(['m.room.third_party_invite', token]);
  if (membership === 'join' && restricted && typeof authoriser === 'string') wanted.push(['m.room.member', authoriser]);
  return wanted;
}

function property(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

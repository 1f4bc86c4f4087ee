/** Owns asking for the state of a small room, of which much may be here from an earlier stay: by the ids of what it holds. */
import { authEventOf } from '#matrix/auth-event.ts';
import type { AuthState } from '#matrix/auth-rules/auth-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { joinedKey, type TypeAndKey } from '#matrix/joined-key.ts';
import { eventIdsOf } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { stateKeysFor } from '#rooms/persist/judge-sealed.ts';
import { loadEntries } from '#rooms/persist/room-view.ts';
import { findToldEntries } from '#rooms/persist/told-entries.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { fetchEach, fetchStateIds, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import { findLacking, SINGLY_MAX } from '#rooms/receive/gaps/fetch-state.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { findStateKeys } from '#storage/rooms/state-keys.ts';

/** In a room of more servers there are too many members to ask for each. */
const SERVERS_MAX = 50;

export function isSmall({ servers }: { readonly servers: readonly string[] }): boolean {
  return servers.length <= SERVERS_MAX;
}

/**
 * The ids of the state before the join, all of which are here then: of the state before the event that the join follows, and
 * of that event if it is state. A server has that event, and need not have taken the join yet. Undefined where the join follows
 * several, whose states would have to be resolved, where the server does not tell the state, where too much of it is not
 * here, and where it does not permit the join. Specification: Server-Server API, `GET /state_ids/{roomId}`.
 */
export async function fetchKnownState(
  parts: GapParts,
  asked: Asked,
  join: ValidatedPdu,
): Promise<readonly string[] | undefined> {
  const [prevId, ...others] = eventIdsOf(join.pdu.prev_events);
  if (prevId === undefined || others.length > 0) return undefined;
  const told = await fetchStateIds(parts, asked, prevId);
  if (told === undefined) return undefined;
  const lacking = await findLacking(parts, asked, [...told.stateIds, ...told.authIds, prevId]);
  if (lacking.size > SINGLY_MAX) return undefined;
  const events = await fetchEach(parts, asked, [...lacking]);
  const isMessage = events.some(({ eventId, pdu }) => eventId === prevId && pdu.state_key === undefined);
  const { roomId, version } = asked.room;
  const state = events.filter(({ pdu }) => pdu.state_key !== undefined);
  if (state.length > 0) await persistOutliers(parts, { roomId, version, events: state });
  // What comes last stands in place of what was there before.
  const stateIds = isMessage ? told.stateIds : [...told.stateIds, prevId];
  const isHere = (await findLacking(parts, asked, stateIds)).size === 0;
  return isHere && (await isPermitted(parts, asked.room, stateIds, join)) ? stateIds : undefined;
}

/** Whether the state permits the join, and has those who made what does. */
async function isPermitted(
  { database }: Pick<GapParts, 'database'>,
  { roomNid, version }: Asked['room'],
  stateIds: readonly string[],
  join: ValidatedPdu,
): Promise<boolean> {
  const told = await findToldEntries(database, roomNid, stateIds);
  const event = authEventOf(join.pdu, join.eventId, version);
  const find = async (keys: readonly TypeAndKey[]): Promise<number[]> => {
    const keyNids = await findStateKeys(database, keys);
    return keyNids.flatMap((keyNid) => (keyNid === undefined ? [] : (told.get(keyNid) ?? [])));
  };
  const entries = await loadEntries(database, version, await find(stateKeysFor(event, version)));
  const state = new Map(
    Array.from(entries.values(), (entry) => [joinedKey(entry.event.type, entry.event.state_key ?? ''), entry.event]),
  );
  const makers = [...new Set(Array.from(state.values(), ({ sender }) => sender))];
  const isMade = (await find(makers.map((userId) => ['m.room.member', userId]))).length === makers.length;
  const stateOf: AuthState = (type, stateKey) => state.get(joinedKey(type, stateKey));
  return isMade && checkAuth(event, version, stateOf, { verify: isJsonSignedBy }).allowed;
}

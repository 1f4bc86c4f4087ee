/** Owns the last look at a join before it is believed: by what it cites, and by the state that it follows. */
import type { Keyring } from '#federation/keyring.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import { checkTold } from '#rooms/residents/read-room-state.ts';
import type { ToldState } from '#rooms/residents/told-state.ts';
import { isAllowedByCited, stateKeysFor } from '#rooms/persist/judge-sealed.ts';

/**
 * Throws a BadAnswerError unless all that the join cites was told, and permits it, and so does the state; one that lacks
 * members says of them what the join cites, and any other has those who made it. Specification: Server-Server API, "Checks performed on receipt of a PDU", 4 and 5.
 */
export async function requirePermitted(
  keyring: Pick<Keyring, 'checkEvents'>,
  join: ValidatedPdu,
  told: ToldState,
  { isPartial }: { readonly isPartial: boolean },
): Promise<void> {
  const { version } = told;
  const deciding = await checkTold(keyring, told, told.textsOf(findDeciding(join, told)));
  const event = authEventOf(join.pdu, join.eventId, version);
  const views = new Map(deciding.map(({ pdu, eventId }) => [eventId, authEventOf(pdu, eventId, version)]));
  const cited = event.auth_events.map((id) => views.get(id)).filter((each) => each !== undefined);
  if (cited.length < event.auth_events.length) throw new BadAnswerError('It answered without what permits the join.');
  const state = new Map<string, AuthEvent>();
  if (isPartial) {
    for (const each of cited) {
      if (each.type === 'm.room.member') state.set(joinedKey(each.type, each.state_key ?? ''), each);
    }
  }
  for (const entry of views.values()) {
    const { type, state_key: stateKey = '' } = entry;
    if (told.findEntry(type, stateKey) === entry.eventId) state.set(joinedKey(type, stateKey), entry);
  }
  // Who has ever sent state has a membership ever after.
  const isMade = [...state.values()].every(({ sender }) => told.findEntry('m.room.member', sender) !== undefined);
  if (!isPartial && !isMade) throw new BadAnswerError('It answered with a state without those who have made it.');
  const create = version.roomIdIsCreateHash ? state.get(joinedKey('m.room.create', '')) : undefined;
  const judged = cited.map((each) => ({
    event: each,
    status: 'outlier' as const,
    eventNid: 0,
    authGen: 1,
    reference: each.eventId,
  }));
  if (!isAllowedByCited(event, judged, { version, create })) {
    throw new BadAnswerError('What it answered does not permit the join.');
  }
  const verdict = checkAuth(event, version, (type, key) => state.get(joinedKey(type, key)), { verify: isJsonSignedBy });
  if (!verdict.allowed) throw new BadAnswerError(`The state that it answered forbids the join: ${verdict.reason}`);
}

/** What permits the join: what it cites, and what the state before it has of the same. */
function findDeciding({ pdu, eventId, version }: ValidatedPdu, told: ToldState): ReadonlySet<string> {
  const event = authEventOf(pdu, eventId, version);
  const keys = stateKeysFor(event, version);
  const entries = keys.map(([type, stateKey]) => told.findEntry(type, stateKey)).filter((id) => id !== undefined);
  return new Set([...event.auth_events, ...entries]);
}

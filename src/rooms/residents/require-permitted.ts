/** Owns the last look at a join before it is believed: by what it cites, and by the state that it follows. */
import { authEventOf } from '#matrix/auth-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import type { ToldState } from '#rooms/residents/told-state.ts';
import { isAllowedByCited } from '#rooms/persist/judge-sealed.ts';

/**
 * `deciding` are the events that the join cites, and those of the state that decide about it, as far as they were told and
 * are signed. Throws a BadAnswerError unless all that the join cites was told, and permits it, and so does the state.
 * Specification: Server-Server API, "Checks performed on receipt of a PDU", 4 and 5.
 */
export function requirePermitted(join: ValidatedPdu, told: ToldState, deciding: readonly ValidatedPdu[]): void {
  const { version } = told;
  const event = authEventOf(join.pdu, join.eventId, version);
  const views = new Map(deciding.map(({ pdu, eventId }) => [eventId, authEventOf(pdu, eventId, version)]));
  const cited = event.auth_events.map((id) => views.get(id)).filter((each) => each !== undefined);
  if (cited.length < event.auth_events.length) throw new BadAnswerError('It answered without what permits the join.');
  const state = new Map<string, AuthEvent>();
  for (const entry of views.values()) {
    const { type, state_key: stateKey = '' } = entry;
    if (told.findEntry(type, stateKey) === entry.eventId) state.set(joinedKey(type, stateKey), entry);
  }
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

/**
 * Owns keeping a local user's invite or knock, and its end, of a room in which this server has nobody: the event is an
 * outlier with a position, by which a sync hears of it.
 */
import type { Clock } from '#core/clock.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { clientEventStem } from '#matrix/client-event.ts';
import { MatrixError } from '#matrix/error.ts';
import { stripEvent, type StrippedEvent } from '#matrix/stripped-state.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { membershipCodeOf } from '#rooms/persist/event-rows.ts';
import type { Database } from '#storage/database.ts';
import type { Interned } from '#storage/interned.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import { mentionEvents } from '#storage/rooms/mention-events.ts';
import { persistOutOfBandRow } from '#storage/rooms/persist-out-of-band.ts';
import { ensureRoom } from '#storage/rooms/persist-outliers.ts';
import type { EventFact } from '#streams/event-fact.ts';
import type { Streams } from '#streams/streams.ts';

export type OutOfBandParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly interned: Interned;
  readonly nids: NidAllocator;
  readonly streams: Pick<Streams, 'committed'>;
};

export type OutOfBandMembership = {
  /** A member event with checked signatures whose state key is a user of this server. */
  readonly event: ValidatedPdu;
  /** What the user is shown of the room beside the event, for an invite or a knock. */
  readonly shown: readonly StrippedEvent[];
};

/**
 * Resolves after commit. `inRoom`: nothing was written, as a user of this server is in the room, so that the event has
 * its place in the room's graph; `known`: it was here before. Throws status 503 while the room is being removed.
 */
export async function persistOutOfBand(
  parts: OutOfBandParts,
  { event: pdu, shown }: OutOfBandMembership,
): Promise<'written' | 'inRoom' | 'known'> {
  const { database, nids, clock, interned, streams } = parts;
  const { roomId, version, eventId } = pdu;
  const event = authEventOf(pdu.pdu, eventId, version);
  const userId = event.state_key ?? '';
  if (event.type !== 'm.room.member') throw new Error('Only member events are kept out of band.');
  const newNid = await nids.reserve(1, () => nids.take());
  const { roomNid, version: stored } = await database.transaction((tx) =>
    ensureRoom(tx, { roomNid: newNid, roomId, version: version.id, now: clock.now() }),
  );
  if (stored !== version.id) throw new MatrixError('M_BAD_STATE', 'The room is of another version.');
  await Promise.all([interned.internUsers([event.sender, userId]), interned.internKeys([['m.room.member', userId]])]);
  const eventNid = (await mentionEvents(parts, roomNid, [eventId])).get(eventId);
  const [senderNid, userNid] = [interned.knownUser(event.sender), interned.knownUser(userId)];
  const keyNid = interned.knownKey('m.room.member', userId);
  if (senderNid === undefined || userNid === undefined || keyNid === undefined) {
    throw new Error('internUsers() or internKeys() was not awaited.');
  }
  if (eventNid === undefined) throw beingRemoved();
  const isShown = event.content['membership'] === 'invite' || event.content['membership'] === 'knock';
  const outcome = await persistOutOfBandRow(database, {
    roomNid,
    eventNid,
    json: pdu.json,
    keyNid,
    senderNid,
    originServerTs: event.origin_server_ts,
    depth: event.depth,
    userNid,
    membership: membershipCodeOf(event),
    shownState: isShown ? JSON.stringify([...shown, stripEvent(event)]) : undefined,
  });
  if (outcome.kind === 'gone') throw beingRemoved();
  if (outcome.kind !== 'written') return outcome.kind;
  const membership = event.content['membership'];
  const fact: EventFact = {
    pos: outcome.pos,
    eventNid,
    roomNid,
    roomId,
    eventId,
    type: event.type,
    stateKey: userId,
    sender: event.sender,
    originServerTs: event.origin_server_ts,
    roomOrder: 0,
    stateBefore: 0,
    stem: clientEventStem(pdu.json, eventId, version),
    membership: typeof membership === 'string' ? membership : undefined,
    redacts: undefined,
    replacesNid: undefined,
    txnDeviceNid: undefined,
    txnId: undefined,
    notification: { step: 0, highlighted: [] },
    threadRootId: undefined,
  };
  streams.committed({ facts: [fact], firstPos: fact.pos, lastPos: fact.pos });
  return 'written';
}

function beingRemoved(): MatrixError {
  return new MatrixError('M_UNKNOWN', 'The room is being removed from this server; try again in a minute.', {
    status: 503,
  });
}

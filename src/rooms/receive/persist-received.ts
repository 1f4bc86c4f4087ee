/** Owns handing an event of another server to the persister, and what its outcome means for whoever works on it. */
import type { Logger } from '#core/logger.ts';
import { MatrixError } from '#matrix/error.ts';
import { eventIdsOf } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { SealedEvent } from '#rooms/persist-request.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import type { EventStatus } from '#storage/rooms/event-status.ts';

export type Received =
  /** There is nothing more to do: it was judged, or it can never be. */
  | { readonly kind: 'done'; readonly status: EventStatus | 'refused' }
  /** It builds on events that are not here. */
  | { readonly kind: 'missing'; readonly eventIds: readonly string[] }
  /** The server has too much to do, or stops. */
  | { readonly kind: 'busy' }
  /** It failed as nothing should; it may succeed another time. */
  | { readonly kind: 'failed' };

type Parts = Pick<ReceiveParts, 'persistEvents' | 'logger'>;

/**
 * Persists events of one room in their order; gives what became of each. What follows one upon the other is handed over as one
 * request, hence written with one commit; if that fails, the first of it alone and the others as before.
 */
export async function persistAllReceived(parts: Parts, events: readonly ValidatedPdu[]): Promise<Received[]> {
  const outcomes = chainsOf(events).map((chain) => persistChain(parts, chain));
  return (await Promise.all(outcomes)).flat();
}

/** Runs of events of which each follows exactly the one before. A redaction is written after what it redacts, not with it. */
function chainsOf(events: readonly ValidatedPdu[]): ValidatedPdu[][] {
  const chains: ValidatedPdu[][] = [];
  for (const event of events) {
    const chain = chains.at(-1);
    const [prevId, ...others] = eventIdsOf(event.pdu.prev_events);
    const goesOn = others.length === 0 && prevId === chain?.at(-1)?.eventId && event.pdu.type !== 'm.room.redaction';
    if (chain !== undefined && goesOn) chain.push(event);
    else chains.push([event]);
  }
  return chains;
}

async function persistChain(parts: Parts, chain: readonly ValidatedPdu[]): Promise<Received[]> {
  const outcomes: Received[] = [];
  for (let rest = chain; rest.length > 0;) {
    const together =
      rest.length > 1 && outcomes.length < WHOLE_TRIES_MAX ? await persistTogether(parts, rest) : undefined;
    if (together !== undefined) return [...outcomes, ...together];
    const [first, ...others] = rest;
    if (first === undefined) break;
    outcomes.push(await persistReceived(parts, first));
    rest = others;
  }
  return outcomes;
}
/** Mostly it is the first event that does not follow the room's newest events, and what comes after it does. */
const WHOLE_TRIES_MAX = 2;

/** All or nothing: undefined if one of them cannot be persisted with the others. */
async function persistTogether(
  { persistEvents, logger }: Parts,
  events: readonly ValidatedPdu[],
): Promise<Received[] | undefined> {
  const [first] = events;
  if (first === undefined) return [];
  try {
    const sealed = events.map((event) => ({ sealed: event }));
    const { statuses } = await persistEvents({ room: { roomId: first.roomId }, events: sealed });
    if (statuses.length !== events.length) throw new Error('An event has no status.');
    for (const [index, status] of statuses.entries()) noteStatus(logger, events[index], status);
    return statuses.map((status) => ({ kind: 'done', status }));
  } catch (error) {
    if (!(error instanceof MatrixError)) logger.debug({ err: error }, 'received events are persisted one by one');
    return undefined;
  }
}

function noteStatus(logger: Logger, event: ValidatedPdu | undefined, status: EventStatus): void {
  if (status === 'accepted' || event === undefined) return;
  logger.info({ roomId: event.roomId, eventId: event.eventId, status }, 'a received event was not accepted');
}

/** `extra` as in a SealedEvent. Never rejects: an event that fails must not take others with it. */
export async function persistReceived(
  { persistEvents, logger }: Parts,
  event: ValidatedPdu,
  extra: Omit<SealedEvent, 'sealed' | 'relay'> = {},
): Promise<Received> {
  const { roomId, eventId } = event;
  try {
    const { statuses } = await persistEvents({ room: { roomId }, events: [{ sealed: event, ...extra }] });
    const [status] = statuses;
    if (status === undefined) throw new Error('An event has no status.');
    noteStatus(logger, event, status);
    return { kind: 'done', status };
  } catch (error) {
    if (error instanceof MissingEventsError) return { kind: 'missing', eventIds: error.eventIds };
    if (error instanceof MatrixError && error.status === 503) return { kind: 'busy' };
    const isHopeless = error instanceof MatrixError && error.status < 500 && error.errcode !== 'M_BAD_STATE';
    if (!isHopeless) {
      logger.warn({ err: error, roomId, eventId }, 'a received event could not be persisted; it is tried again');
      return { kind: 'failed' };
    }
    logger.info({ err: error, roomId, eventId }, 'a received event was refused');
    return { kind: 'done', status: 'refused' };
  }
}

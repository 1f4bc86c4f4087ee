/** Owns the question whether an event came before this server did: then it is history, however it comes. */
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { findGapOrder } from '#rooms/backfill/fetch-historic-event.ts';
import { fillHistory } from '#rooms/backfill/fill-history.ts';
import type { Asked } from '#rooms/receive/gaps/fetch-events.ts';
import { prevIdsOf } from '#rooms/receive/gaps/missing-events.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { findGapsBeforeEntry, type Gap } from '#storage/rooms/gaps.ts';

/** Pages of history, of a hundred events each, by which one event's place is looked for. */
const PAGES_MAX = 5;

/**
 * Fetches the history from before this server entered the room until it can be told whether the event is part of it, as far as these
 * servers tell it. Mostly nothing is to be told: the event is deeper than what is missing, or follows what came later.
 */
export async function settleHistory(
  parts: GapParts,
  asked: Asked,
  servers: readonly string[],
  event: ValidatedPdu,
): Promise<void> {
  let [server, ...others] = servers;
  for (let page = 0; page < PAGES_MAX && server !== undefined && !asked.signal.aborted; page++) {
    const hiding = await findHiding(parts, asked, event);
    if (hiding.length === 0) return;
    const uppermost = hiding.filter(({ beforeOrder }) => beforeOrder === hiding[0]?.beforeOrder);
    if ((await fillHistory(parts, { ...asked, server }, uppermost)) === 0) [server, ...others] = others;
  }
}

/**
 * The order below which the event belongs if it may be history and nobody could tell; undefined for one that is news. Between
 * them the room's state decides: a branch of long ago would undo what happened since.
 */
export async function findHistoricOrder(
  parts: GapParts,
  asked: Asked,
  event: ValidatedPdu,
): Promise<number | undefined> {
  if ((await findHiding(parts, asked, event)).length === 0) return undefined;
  return findGapOrder(parts, asked.room.roomNid, event);
}

function findHiding({ database }: GapParts, { room }: Asked, event: ValidatedPdu): Promise<Gap[]> {
  return findGapsBeforeEntry(database, room.roomNid, { depth: event.pdu.depth, prevIds: prevIdsOf(event) });
}

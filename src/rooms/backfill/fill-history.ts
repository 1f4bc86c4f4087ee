/** Owns one page of history from one server: asking, choosing what belongs into the gap, persisting it in its order. */
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { fetchAuth } from '#rooms/receive/gaps/fetch-auth.ts';
import { fetchBackfill, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import { fetchStateBefore } from '#rooms/receive/gaps/fetch-state.ts';
import { findMissing, inOrder, prevIdsOf, type Pool } from '#rooms/receive/gaps/missing-events.ts';
import { finishReceived, type Finished } from '#rooms/receive/finish-received.ts';
import { persistReceived, type Received } from '#rooms/receive/persist-received.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { isJudged } from '#storage/rooms/event-status.ts';
import { findEventPlaces, findOrders } from '#storage/rooms/find-graph.ts';
import type { Gap } from '#storage/rooms/gaps.ts';

/** Events that are asked for at a time. */
const PAGE = 100;
/** Events that are written with one commit. */
const RUN_MAX = 50;

/**
 * Asks the server for what is missing in the gaps and before it, and persists what it tells. Gives how many new ones have come:
 * 0 says that another server is to be asked.
 */
export async function fillHistory(parts: GapParts, asked: Asked, gaps: readonly Gap[]): Promise<number> {
  const from = [...new Set(gaps.map(({ eventId }) => eventId))];
  const told = await fetchBackfill(parts, asked, { from, limit: PAGE });
  const pool: Pool = new Map(told.map((event) => [event.eventId, event]));
  const bounds = await boundsOf(parts, gaps, pool);
  const places = await findEventPlaces(parts.database, [...pool.keys()]);
  const isKnown = ({ event }: Belonging): boolean => isJudged(places.get(event.eventId)?.status ?? 'missing');
  const come: Finished[] = [];
  for (const run of runsOf(ordered(pool, bounds).filter((own) => !isKnown(own)))) {
    if (asked.signal.aborted) break;
    come.push(...(await persistRun(parts, asked, run)));
  }
  await finishReceived(parts, asked.room.roomId, come);
  return come.length;
}

/**
 * Written together: messages that follow one upon the other, and perhaps a state event last, as what follows is judged by it. A
 * redaction comes first, as what it redacts has to be written before it.
 */
function runsOf(all: readonly Belonging[]): Belonging[][] {
  const runs: Belonging[][] = [];
  for (const own of all) {
    const run = runs.at(-1);
    const last = run?.at(-1)?.event;
    const [prevId, ...others] = prevIdsOf(own.event);
    const follows = last !== undefined && last.pdu.state_key === undefined && prevId === last.eventId;
    const goesOn = follows && others.length === 0 && own.event.pdu.type !== 'm.room.redaction';
    if (run !== undefined && goesOn && run.length < RUN_MAX) run.push(own);
    else runs.push([own]);
  }
  return runs;
}

/** Those that are here afterwards. What cannot be written together is written one by one. */
async function persistRun(parts: GapParts, asked: Asked, run: readonly Belonging[]): Promise<Finished[]> {
  const come: Finished[] = [];
  const note = (eventId: string, outcome: Received): void => {
    if (outcome.kind === 'done' && outcome.status !== 'refused') come.push({ eventId, outcome });
  };
  // By the first is found what the others stand on.
  const [first, ...others] = run;
  if (first !== undefined) note(first.event.eventId, await persistHistory(parts, asked, first.event, first.before));
  const together = others.length > 1 ? await persistTogether(parts, others) : undefined;
  for (const [index, { event, before }] of others.entries()) {
    note(event.eventId, together?.[index] ?? (await persistHistory(parts, asked, event, before)));
  }
  return come;
}

async function persistTogether(
  { persistEvents, logger }: GapParts,
  run: readonly Belonging[],
): Promise<readonly Received[] | undefined> {
  const [first] = run;
  if (first === undefined) return [];
  const { roomId } = first.event;
  try {
    const events = run.map(({ event, before }) => ({ sealed: event, before }));
    const { statuses } = await persistEvents({ room: { roomId }, events });
    return statuses.map((status) => ({ kind: 'done', status }));
  } catch (error) {
    logger.debug({ err: error, roomId }, 'events of history are persisted one by one');
    return undefined;
  }
}

/**
 * By event id the order below which the event belongs: that of the gap, or of what is here of its followers. What no gap
 * leads to is in none: the event ids say what comes before an event, so that nobody can put another history there.
 */
async function boundsOf(
  { database }: GapParts,
  gaps: readonly Gap[],
  pool: Pool,
): Promise<ReadonlyMap<string, number>> {
  const here = await findOrders(database, [...pool.keys()]);
  const bounds = new Map<string, number>();
  const lower = (eventId: string, order: number): void => {
    bounds.set(eventId, Math.min(bounds.get(eventId) ?? order, order));
  };
  for (const { eventId, beforeOrder } of gaps) lower(eventId, beforeOrder);
  for (const event of inOrder(pool).reverse()) {
    const own = bounds.get(event.eventId);
    if (own === undefined) continue;
    for (const prevId of prevIdsOf(event)) lower(prevId, here.get(event.eventId) ?? own);
  }
  return bounds;
}

type Belonging = { readonly event: ValidatedPdu; readonly before: number };

/** What belongs into the gaps, followed before following, each with the order below which it goes: one below the next. */
function ordered(pool: Pool, bounds: ReadonlyMap<string, number>): Belonging[] {
  const sorted = inOrder(new Map([...pool].filter(([eventId]) => bounds.has(eventId))));
  const counts = new Map<number, number>();
  const newestFirst = sorted.toReversed().map((event): Belonging => {
    const bound = bounds.get(event.eventId) ?? 0;
    const above = counts.get(bound) ?? 0;
    counts.set(bound, above + 1);
    return { event, before: bound - above };
  });
  return newestFirst.reverse();
}

/** By the state before it, which is asked for where it follows what is not here. */
export async function persistHistory(
  parts: GapParts,
  asked: Asked,
  event: ValidatedPdu,
  before: number,
): Promise<Received> {
  const only: Pool = new Map([[event.eventId, event]]);
  const missing = await findMissing(parts.database, asked.room.roomNid, only);
  const state = missing.length === 0 ? [] : await fetchStateBefore(parts, asked, event.eventId);
  if (state === undefined) return { kind: 'missing', eventIds: missing };
  const extra = { before, ...(missing.length > 0 && { states: new Map(missing.map((id) => [id, state])) }) };
  const first = await persistReceived(parts, event, extra);
  if (first.kind !== 'missing') return first;
  await fetchAuth(parts, asked, event);
  return persistReceived(parts, event, extra);
}

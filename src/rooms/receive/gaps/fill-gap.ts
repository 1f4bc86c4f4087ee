/** Owns what is done for an event that builds on events which are not here: they are fetched, or the state at the gap is. */
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { findHistoricOrder, settleHistory } from '#rooms/receive/gaps/before-entry.ts';
import { fetchAuth } from '#rooms/receive/gaps/fetch-auth.ts';
import { fetchEvent, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import { fetchStateBefore } from '#rooms/receive/gaps/fetch-state.ts';
import {
  addMissing,
  addStaged,
  findMissing,
  inOrder,
  prevIdsOf,
  type Pool,
} from '#rooms/receive/gaps/missing-events.ts';
import { persistHistory } from '#rooms/backfill/fill-history.ts';
import { finishReceived, type Finished } from '#rooms/receive/finish-received.ts';
import { persistAllReceived, persistReceived, type Received } from '#rooms/receive/persist-received.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { findEventPlaces, findFollowerOrder, findLowestOrder } from '#storage/rooms/find-graph.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

/** Servers that are asked besides the one that sent the event. */
const OTHERS_MAX = 3;
/** Branches of the history whose state is fetched for one event. */
const BRANCHES_MAX = 10;

type Gap = {
  readonly origin: string;
  readonly event: ValidatedPdu;
  /** How often this was tried before. */
  readonly attempts: number;
};

/**
 * Fetches what the event builds on and persists it; gives what became of the event. First the events between are asked for,
 * of the server that sent it, then of others that are in the room. Where what they tell does not reach down to what is
 * here, the state at the gap is asked for. For the event itself that is done only once it has waited: mostly what it
 * follows is on its way. What comes before all that is here is history, of which others are asked when somebody reads it:
 * nothing here leads down to it, and what is fetched between is news. Specification: Server-Server API, "Backfilling and
 * retrieving missing events".
 */
export async function fillGap(parts: ReceiveParts, gap: Gap, signal: AbortSignal): Promise<Received> {
  const { event, origin, attempts } = gap;
  const room = await findRoom(parts.database, event.roomId);
  if (room === undefined) return { kind: 'done', status: 'refused' };
  const pool: Pool = new Map([[event.eventId, event]]);
  const told = new Set<string>(attempts > 0 ? [event.eventId] : []);
  let asked: Asked = { server: origin, room, signal };
  if (await isBeforeAll(parts, room.roomNid, event.eventId)) return persistAtGap(parts, asked, event);
  const servers = [origin, ...(await findOthers(parts, room.roomNid, origin))];
  await settleHistory(parts, asked, servers, event);
  await addStaged(parts, asked, pool);
  for (const server of servers) {
    if ((await findMissing(parts.database, room.roomNid, pool)).length === 0) break;
    if (server !== origin && (await isLinked(parts, room.roomNid, pool, event))) break;
    asked = { server, room, signal };
    for (const eventId of await addMissing(parts, asked, pool, event.eventId)) told.add(eventId);
  }
  const all = await persistPool(parts, asked, { pool, told, event });
  await finishReceived(parts, room.roomId, all);
  return all.find(({ eventId }) => eventId === event.eventId)?.outcome ?? { kind: 'busy' };
}

/** What became of each, up to the event itself, as far as there was time. */
async function persistPool(
  parts: ReceiveParts,
  asked: Asked,
  { pool, told, event }: { readonly pool: Pool; readonly told: ReadonlySet<string>; readonly event: ValidatedPdu },
): Promise<Finished[]> {
  const events = inOrder(pool);
  const outcomes = await persistAllReceived(parts, events);
  const all: Finished[] = [];
  for (const [index, own] of events.entries()) {
    if (asked.signal.aborted) break;
    const { eventId } = own;
    let outcome = outcomes[index] ?? { kind: 'busy' };
    if (outcome.kind === 'missing') {
      outcome = await persistWithGaps(parts, asked, own, { mayAskForState: told.has(eventId) });
    }
    all.push({ eventId, outcome });
    if (own === event) break;
  }
  return all;
}

/** Whether the oldest event that is here follows this one, as the join by which this server came in follows its invite. */
async function isBeforeAll({ database }: ReceiveParts, roomNid: number, eventId: string): Promise<boolean> {
  const place = (await findEventPlaces(database, [eventId])).get(eventId);
  const follower = place === undefined ? undefined : await findFollowerOrder(database, place.eventNid);
  return follower !== undefined && follower === (await findLowestOrder(database, roomNid));
}

/** Whether all that the event itself follows is here or collected. */
async function isLinked(parts: ReceiveParts, roomNid: number, pool: Pool, event: ValidatedPdu): Promise<boolean> {
  return (await findMissing(parts.database, roomNid, only(event))).every((id) => pool.has(id));
}

function only(event: ValidatedPdu): Pool {
  return new Map([[event.eventId, event]]);
}

async function findOthers({ database, isLocal }: ReceiveParts, roomNid: number, origin: string): Promise<string[]> {
  const servers = await findServersInRoom(database, roomNid);
  return servers.filter((server) => server !== origin && !isLocal(server)).slice(0, OTHERS_MAX);
}

/** Persists an event whose predecessors were persisted before, as far as they could be had. */
async function persistWithGaps(
  parts: ReceiveParts,
  asked: Asked,
  event: ValidatedPdu,
  { mayAskForState }: { readonly mayAskForState: boolean },
): Promise<Received> {
  const first = await persistReceived(parts, event);
  if (first.kind !== 'missing') return first;
  const historic = await findHistoricOrder(parts, asked, event);
  if (historic !== undefined) return persistHistory(parts, asked, event, historic);
  if (!prevIdsOf(event).some((id) => first.eventIds.includes(id))) await fetchAuth(parts, asked, event);
  const second = await persistReceived(parts, event);
  if (second.kind !== 'missing' || !mayAskForState) return second;
  const missing = await findMissing(parts.database, asked.room.roomNid, only(event));
  if (missing.length === 0) return second;
  for (const eventId of missing.slice(0, BRANCHES_MAX)) {
    const before = await fetchEvent(parts, asked, eventId);
    // What it follows cannot be had: then the event itself stands at the edge of the gap.
    if (before === undefined) return persistAtGap(parts, asked, event);
    const placed = await persistAtGap(parts, asked, before);
    if (placed.kind !== 'done') return placed;
  }
  return persistReceived(parts, event);
}

/** Persists an event by the state before it that the server tells: what it follows stays missing, which makes a gap. */
async function persistAtGap(parts: ReceiveParts, asked: Asked, event: ValidatedPdu): Promise<Received> {
  const { room } = asked;
  const state = await fetchStateBefore(parts, asked, event.eventId);
  const missing = await findMissing(parts.database, room.roomNid, only(event));
  if (state === undefined) return { kind: 'missing', eventIds: missing };
  const before = await findHistoricOrder(parts, asked, event);
  const extra = { states: new Map(missing.map((id) => [id, state])), ...(before !== undefined && { before }) };
  const first = await persistReceived(parts, event, extra);
  if (first.kind !== 'missing') return first;
  await fetchAuth(parts, asked, event);
  return persistReceived(parts, event, extra);
}

/** Owns giving stretches of a room's history to another server: backwards from events, or between events. */
import { requireServerInRoom, type ServedRoom } from '#rooms/serve/require-server.ts';
import { searchable } from '#rooms/serve/serve-event.ts';
import { readForServer, type ServeParts } from '#rooms/serve/server-view.ts';
import type { ReadTx } from '#storage/database.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import {
  findPlacedEventsByNids,
  findPrevious,
  findWalkStart,
  type WalkedEvent,
} from '#storage/rooms/find-served-events.ts';

/** Events that are given at most, however many were asked for. */
const EVENTS_MAX = 100;
/** Ids of a request that are looked at. */
const IDS_MAX = 100;
/** Events that are walked through at most: rejected ones are passed, and not given. */
const WALKED_MAX = 1_000;
/** Bytes of the answer; at least one event is given. */
const BYTES_MAX = 4 * 1024 * 1024;

/**
 * The JSON texts of these events of the room and of those before them, newest first. Ids that are none of the room's are passed
 * over. Throws as `requireServerInRoom` does. Specification: Server-Server API, `GET /backfill/{roomId}`.
 */
export async function serveBackfill(
  parts: ServeParts,
  origin: string,
  asked: { readonly roomId: string; readonly from: readonly string[]; readonly limit: number },
): Promise<string[]> {
  const served = await requireServerInRoom(parts, asked.roomId, origin);
  const { roomNid } = served.room;
  const start = await findWalkStart(parts.database, roomNid, searchable(asked.from.slice(0, IDS_MAX)));
  const limit = Math.min(asked.limit, EVENTS_MAX);
  const nids = await walkBack(parts.database, roomNid, start, { limit, leftOut: new Set(), depthMin: 0 });
  return readNewestFirst(parts, served, origin, nids);
}

/**
 * The JSON texts of the events before `latest` and after `earliest`, none of them included, oldest first; if they are too many, those
 * nearest to `latest`. Throws as `requireServerInRoom` does. Specification: Server-Server API, `POST /get_missing_events/{roomId}`.
 */
export async function serveMissingEvents(
  parts: ServeParts,
  origin: string,
  asked: {
    readonly roomId: string;
    readonly earliest: readonly string[];
    readonly latest: readonly string[];
    readonly limit: number;
    readonly depthMin: number;
  },
): Promise<string[]> {
  const served = await requireServerInRoom(parts, asked.roomId, origin);
  const { database } = parts;
  const { roomNid } = served.room;
  const latest = await findWalkStart(database, roomNid, searchable(asked.latest.slice(0, IDS_MAX)));
  const earliest = await findWalkStart(database, roomNid, searchable(asked.earliest.slice(0, IDS_MAX)));
  const had = new Set(earliest.map(({ eventNid }) => eventNid));
  const from = latest.map(({ eventNid }) => eventNid).filter((eventNid) => !had.has(eventNid));
  const leftOut = new Set([...had, ...from]);
  const start = (await findPrevious(database, roomNid, from)).filter(({ eventNid }) => !leftOut.has(eventNid));
  const limit = Math.min(asked.limit, EVENTS_MAX);
  const nids = await walkBack(database, roomNid, start, { limit, leftOut, depthMin: asked.depthMin });
  return (await readNewestFirst(parts, served, origin, nids)).reverse();
}

type Walk = { readonly limit: number; readonly leftOut: ReadonlySet<number>; readonly depthMin: number };

/** From the start backwards, the deepest first: an event comes before those that it follows. */
async function walkBack(
  database: ReadTx,
  roomNid: number,
  start: readonly WalkedEvent[],
  { limit, leftOut, depthMin }: Walk,
): Promise<number[]> {
  const seen = new Set(leftOut);
  for (const { eventNid } of start) seen.add(eventNid);
  const taken: number[] = [];
  let frontier = start.filter(({ depth }) => depth >= depthMin);
  for (let walked = 0; frontier.length > 0 && taken.length < limit && walked < WALKED_MAX;) {
    const deepest = Math.max(...frontier.map(({ depth }) => depth));
    const now = frontier.filter(({ depth }) => depth === deepest).toSorted((a, b) => b.eventNid - a.eventNid);
    walked += now.length;
    for (const { eventNid, isServed } of now) if (isServed && taken.length < limit) taken.push(eventNid);
    const nids = now.map(({ eventNid }) => eventNid);
    const next = (await findPrevious(database, roomNid, nids)).filter(
      ({ eventNid, depth }) => depth >= depthMin && !seen.has(eventNid),
    );
    for (const { eventNid } of next) seen.add(eventNid);
    frontier = [...frontier.filter(({ depth }) => depth !== deepest), ...next];
  }
  return taken;
}

/** As many as fit into the answer, in the order of the walk. */
async function readNewestFirst(
  parts: ServeParts,
  served: ServedRoom,
  origin: string,
  nids: readonly number[],
): Promise<string[]> {
  const found = new Map((await findPlacedEventsByNids(parts.database, nids)).map((event) => [event.eventNid, event]));
  const events: StoredEvent[] = [];
  let bytes = 0;
  for (const nid of nids) {
    const event = found.get(nid);
    if (event === undefined) continue;
    bytes += Buffer.byteLength(event.json);
    if (bytes > BYTES_MAX && events.length > 0) break;
    events.push(event);
  }
  return readForServer(parts, served, origin, events);
}

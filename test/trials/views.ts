/** Owns what each server shows when all is quiet, and where the events stand in the stream: the end of a history. */
import { setTimeout as delay } from 'node:timers/promises';
import { statement, type Database } from '#storage/database.ts';
import { findNewestPositions } from '#storage/streams/find-changes.ts';
import { encode, pageToEnd, request, type MatrixHttp } from '#test/support/matrix-http.ts';
import { readEvents, readMessages, readSync, type ClientEvent, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { keyProperty, type Crew } from '#test/trials/crew.ts';
import { hasReached, receiptsOf, stateOf, syncPath } from '#test/trials/follower.ts';

const catchUpTimeoutMs = 30_000;
const requestTimeoutMs = 30_000;

const selectPositions = statement<{ event_id: string; pos: number }>(
  'select_positions_of_all_events',
  'select event_id, pos from events where pos is not null',
);

/** How far the streams are: what a client must hear of when nothing is sent any more. */
export function readTarget(database: Database): Promise<readonly number[]> {
  return findNewestPositions(database);
}

/** Writes down each room as each server shows it to a reader who is in all of them, and who is told to be in which. */
export async function writeViews(
  crew: Crew,
  shown: { readonly reader: MatrixHttp; readonly rooms: readonly string[]; readonly users: readonly MatrixHttp[] },
  target: readonly number[],
): Promise<void> {
  for (const { index, baseUrl } of crew.site.members) {
    const sync = await awaitCaughtUp(baseUrl, shown.reader, target);
    for (const roomId of shown.rooms) {
      const state = await readState(baseUrl, shown.reader, roomId);
      const events = await readRoom(baseUrl, shown.reader, roomId);
      crew.history.write({
        t: 'view',
        server: index,
        roomId,
        events: events.map((event) => [event.event_id, event.sender, keyOf(event)]),
        state: stateOf(state),
        joined: state
          .filter(({ type, content }) => type === 'm.room.member' && content['membership'] === 'join')
          .map((event) => event.state_key ?? ''),
        receipts: receiptsOf(sync)
          .filter(([room]) => room === roomId)
          .map(([, userId, eventId]) => [userId, eventId]),
      });
    }
    for (const user of shown.users) {
      const rooms = [...(await syncOnce(baseUrl, user)).join.keys()].filter((roomId) => shown.rooms.includes(roomId));
      crew.history.write({ t: 'joined', server: index, userId: user.userId, rooms });
    }
  }
}

export async function writePositions(crew: Crew, database: Database): Promise<void> {
  const rows = await database.query(selectPositions, []);
  crew.history.write({ t: 'positions', events: rows.map(({ event_id: eventId, pos }) => [eventId, pos]) });
}

async function awaitCaughtUp(baseUrl: string, reader: MatrixHttp, target: readonly number[]): Promise<SyncAnswer> {
  const deadline = performance.now() + catchUpTimeoutMs;
  for (;;) {
    const answer = await syncOnce(baseUrl, reader);
    if (hasReached(answer.nextBatch, target) || performance.now() > deadline) return answer;
    await delay(50);
  }
}

async function syncOnce(baseUrl: string, user: MatrixHttp): Promise<SyncAnswer> {
  return readSync(await get(baseUrl, user, syncPath({ timeoutMs: 0, usesStateAfter: false, limit: 1 })));
}

async function readState(baseUrl: string, reader: MatrixHttp, roomId: string): Promise<ClientEvent[]> {
  return readEvents(await get(baseUrl, reader, `/_matrix/client/v3/rooms/${encode(roomId)}/state`), 'the state');
}

function readRoom(baseUrl: string, reader: MatrixHttp, roomId: string): Promise<ClientEvent[]> {
  return pageToEnd(async (from) => {
    const query = new URLSearchParams({ dir: 'f', limit: '500', ...(from === undefined ? {} : { from }) });
    const path = `/_matrix/client/v3/rooms/${encode(roomId)}/messages?${query.toString()}`;
    return readMessages(await get(baseUrl, reader, path));
  });
}

async function get(baseUrl: string, { accessToken }: MatrixHttp, path: string): Promise<unknown> {
  const answer = await request(baseUrl, 'GET', path, { token: accessToken, timeoutMs: requestTimeoutMs });
  if (answer.status !== 200)
    throw new Error(`GET ${path} was answered ${answer.status} ${answer.bodyText.slice(0, 200)}`);
  return JSON.parse(answer.bodyText);
}

function keyOf(event: ClientEvent): string | null {
  const key = event.content[keyProperty];
  // A message without a key is nobody's: it gets one that nobody sent, so that the oracle calls it invented.
  const fallback = event.type === 'm.room.message' ? `none (${event.event_id})` : null;
  return typeof key === 'string' ? key : fallback;
}

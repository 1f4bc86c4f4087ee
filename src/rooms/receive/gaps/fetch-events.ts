/** Owns asking other servers for events: whatever they answer is checked as if it had been sent. */
import { isRemoteFailure } from '#federation/remote-errors.ts';
import { sliceElements, sliceMembers } from '#matrix/json-slices.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { Moment } from '#rooms/moment.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';

export type FetchParts = Pick<ReceiveParts, 'federation' | 'logger'>;

/** Whom is asked, about which room. */
export type Asked = { readonly server: string; readonly room: KnownRoom; readonly signal: AbortSignal };

const BYTES_MAX = 16 * 1024 * 1024;
const NODES_MAX = 2_000_000;
// An event that is nested too deeply must not take the others of an answer with it.
const DEPTH_MAX = 1_000;
const TIMEOUT_MS = 20_000;

/**
 * The events between what is here (`earliest`) and what has come (`latest`), as far as the server tells them. Empty where it
 * does not. Specification: Server-Server API, "Backfilling and retrieving missing events".
 */
export async function fetchMissingEvents(
  parts: FetchParts,
  asked: Asked,
  {
    earliest,
    latest,
    limit,
  }: { readonly earliest: readonly string[]; readonly latest: readonly string[]; readonly limit: number },
): Promise<ValidatedPdu[]> {
  const path = `/_matrix/federation/v1/get_missing_events/${encodeURIComponent(asked.room.roomId)}`;
  const body = JSON.stringify({ earliest_events: earliest, latest_events: latest, limit, min_depth: 0 });
  const answer = await fetchJson(parts, asked, { method: 'POST', path, body });
  return answer === undefined ? [] : checkedEvents(parts, asked, eventsIn(answer, 'events').slice(0, limit));
}

/**
 * These events and what is before them, as far as the server tells it. Specification: Server-Server API, "Backfilling and
 * retrieving missing events".
 */
export async function fetchBackfill(
  parts: FetchParts,
  asked: Asked,
  { from, limit }: { readonly from: readonly string[]; readonly limit: number },
): Promise<ValidatedPdu[]> {
  const query = [...from.map((id) => `v=${encodeURIComponent(id)}`), `limit=${limit}`].join('&');
  const path = `/_matrix/federation/v1/backfill/${encodeURIComponent(asked.room.roomId)}?${query}`;
  const answer = await fetchJson(parts, asked, { method: 'GET', path });
  return answer === undefined ? [] : checkedEvents(parts, asked, eventsIn(answer, 'pdus').slice(0, limit));
}

/** What a server says of the event next to a moment. Nobody has checked it. */
export type ToldMoment = { readonly eventId: string; readonly originServerTs: number };

/** Specification: Server-Server API, `GET /timestamp_to_event/{roomId}`. */
export async function fetchEventByTime(
  parts: FetchParts,
  asked: Asked,
  { ts, direction }: Moment,
): Promise<ToldMoment | undefined> {
  const path = `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(asked.room.roomId)}?ts=${ts}&dir=${direction}`;
  const answer = await fetchJson(parts, asked, { method: 'GET', path });
  const { event_id: eventId, origin_server_ts: originServerTs } = answer?.value ?? {};
  return typeof eventId === 'string' && typeof originServerTs === 'number' ? { eventId, originServerTs } : undefined;
}

/** The event of that id, and no other. */
export async function fetchEvent(parts: FetchParts, asked: Asked, eventId: string): Promise<ValidatedPdu | undefined> {
  const path = `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`;
  const answer = await fetchJson(parts, asked, { method: 'GET', path });
  const events = answer === undefined ? [] : await checkedEvents(parts, asked, eventsIn(answer, 'pdus').slice(0, 1));
  return events.find((event) => event.eventId === eventId);
}

/** The events of those ids that can be had, several asked for at a time. */
export async function fetchEach(parts: FetchParts, asked: Asked, eventIds: readonly string[]): Promise<ValidatedPdu[]> {
  const events: ValidatedPdu[] = [];
  for (let from = 0; from < eventIds.length; from += EVENTS_AT_ONCE) {
    const some = eventIds.slice(from, from + EVENTS_AT_ONCE);
    const answers = await Promise.all(some.map((eventId) => fetchEvent(parts, asked, eventId)));
    events.push(...answers.filter((event) => event !== undefined));
  }
  return events;
}
const EVENTS_AT_ONCE = 8;

/** The event's auth chain. Specification: Server-Server API, "Retrieving event authorization information". */
export async function fetchEventAuth(parts: FetchParts, asked: Asked, eventId: string): Promise<ValidatedPdu[]> {
  const { roomId } = asked.room;
  const path = `/_matrix/federation/v1/event_auth/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
  const answer = await fetchJson(parts, asked, { method: 'GET', path });
  return answer === undefined ? [] : checkedEvents(parts, asked, eventsIn(answer, 'auth_chain'));
}

/** The ids of the state before an event, and of that state's auth chain. */
export type ToldState = { readonly stateIds: readonly string[]; readonly authIds: readonly string[] };

export async function fetchStateIds(parts: FetchParts, asked: Asked, eventId: string): Promise<ToldState | undefined> {
  const answer = await fetchJson(parts, asked, { method: 'GET', path: statePath('state_ids', asked, eventId) });
  if (answer === undefined) return undefined;
  const { pdu_ids: stateIds, auth_chain_ids: authIds } = answer.value;
  return isIdList(stateIds) && isIdList(authIds) ? { stateIds, authIds } : undefined;
}

/** The same events as `fetchStateIds` names, themselves. */
export async function fetchState(parts: FetchParts, asked: Asked, eventId: string): Promise<ValidatedPdu[]> {
  const answer = await fetchJson(parts, asked, { method: 'GET', path: statePath('state', asked, eventId) });
  if (answer === undefined) return [];
  return checkedEvents(parts, asked, [...eventsIn(answer, 'pdus'), ...eventsIn(answer, 'auth_chain')]);
}

function statePath(kind: 'state' | 'state_ids', { room }: Asked, eventId: string): string {
  const query = `event_id=${encodeURIComponent(eventId)}`;
  return `/_matrix/federation/v1/${kind}/${encodeURIComponent(room.roomId)}?${query}`;
}

function isIdList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === 'string' && !id.includes('\0'));
}

type JsonAnswer = { readonly value: JsonObject; readonly text: string };

/** Undefined where the server refuses, cannot be reached or answers something else: others may be asked. */
async function fetchJson(
  { federation, logger }: FetchParts,
  { server, signal }: Asked,
  request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: string },
): Promise<JsonAnswer | undefined> {
  try {
    const limits = { timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX, signal };
    const { bytes } = await federation.client.request(server, { ...request, ...limits });
    const parsed = parseJsonBytes(bytes, {
      bytesMax: BYTES_MAX,
      numbers: 'any',
      nodesMax: NODES_MAX,
      depthMax: DEPTH_MAX,
    });
    if (!parsed.ok || !isJsonObject(parsed.value)) return undefined;
    return { value: parsed.value, text: bytes.toString() };
  } catch (error) {
    if (!isRemoteFailure(error)) throw error;
    logger.debug({ err: error, server, path: request.path }, 'another server did not tell what is missing');
    return undefined;
  }
}

/** The texts of the events in one list of an answer. */
function eventsIn({ value, text }: JsonAnswer, key: string): string[] {
  return Array.isArray(value[key]) ? sliceElements(sliceMembers(text).get(key) ?? '[]') : [];
}

/** Those that are events of the room, signed by whom they must be. What is not is left out. */
async function checkedEvents(
  { federation, logger }: FetchParts,
  { server, room }: Asked,
  texts: readonly string[],
): Promise<ValidatedPdu[]> {
  const events: ValidatedPdu[] = [];
  for (const text of texts) {
    const verdict = validatePdu(text, room.version);
    if (verdict.ok && verdict.event.roomId === room.roomId) events.push(verdict.event);
  }
  const checked = await federation.keyring.checkEvents(events);
  const good = checked.flatMap((verdict) => (verdict.ok ? [verdict.event] : []));
  if (good.length < texts.length) {
    const { roomId } = room;
    logger.info({ server, roomId, count: texts.length - good.length }, 'fetched events were no events of the room');
  }
  return good;
}

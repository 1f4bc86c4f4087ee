/** Owns the load of the crash tests: clients that send until they are acknowledged, and syncers that miss nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Acknowledgement, Invocation, MessageKey, SeenEvent } from '#test/crash/oracle.ts';
import { pageToEnd, request, type MatrixHttp } from '#test/support/matrix-http.ts';
import {
  readMessages,
  readSync,
  type ClientEvent,
  type JsonObject,
  text,
  type SyncedRoom,
} from '#test/support/matrix-shapes.ts';

/** The key of content by which a message says which one it is. */
const keyProperty = 'org.causeway.test.key';
const retryDelayMs = 20;
const requestTimeoutMs = 10_000;

/** What the clients write down while the server comes and goes. */
export type Recorder = {
  readonly invocations: Invocation[];
  readonly acknowledgements: Acknowledgement[];
  /** What no fault explains, such as an answer 403 or of a wrong shape: each is a failure of the run. */
  readonly failures: string[];
  /** Ends all clients at once, whatever they are waiting for. */
  readonly abort: AbortSignal;
};

export type Sender = {
  /** The number of messages acknowledged so far. */
  acknowledged(): number;
  /** Sends the latest acknowledged message again under its transaction id, until that is acknowledged too. */
  repeatLatest(): Promise<void>;
  /** Lets the message in flight be acknowledged, and ends. */
  finish(): Promise<void>;
};

/**
 * Starts a client that sends numbered messages to one room, one after the other, at most one each `paceMs`. Whatever
 * fails is sent again under the same transaction id until there is a 2xx: what a client is told to do.
 */
export function startSender(user: MatrixHttp, roomId: string, paceMs: number, recorder: Recorder): Sender {
  const ending = new AbortController();
  let acknowledged = 0;
  const sendUntilAcknowledged = async (key: MessageKey): Promise<void> => {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${encodeURIComponent(key)}`;
    const body = { msgtype: 'm.text', body: key, [keyProperty]: key };
    const answer = await untilAnswered(user, 'PUT', path, body, recorder);
    recorder.acknowledgements.push({ key, eventId: text(answer, 'event_id') });
  };
  const keyOf = (seq: number): MessageKey => `${user.userId}/${seq}`;
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const key = keyOf(acknowledged);
      recorder.invocations.push({ key, roomId, sender: user.userId });
      await sendUntilAcknowledged(key);
      acknowledged += 1;
      await delay(paceMs);
    }
  };
  const running = run().catch((error: unknown) => noteFailure(recorder, user, error));
  return {
    acknowledged: () => acknowledged,
    async repeatLatest() {
      if (acknowledged > 0) await sendUntilAcknowledged(keyOf(acknowledged - 1));
    },
    async finish() {
      ending.abort();
      await running;
    },
  };
}

export type Syncer = {
  readonly userId: string;
  /** Each room's events, oldest first, as folded so far. */
  readonly timelines: ReadonlyMap<string, readonly SeenEvent[]>;
  /** How many timelines were limited, that is, how many gaps were filled. */
  gapsFilled(): number;
  /** Follows /sync until an answer without waiting brings nothing new, and ends. */
  finish(): Promise<void>;
};

/**
 * Starts a client that follows /sync from the beginning of its rooms and fills every gap of a limited timeline from
 * /messages, in the direction given. It keeps its token whatever happens, and asks again with it.
 */
export function startSyncer(user: MatrixHttp, gapDirection: 'b' | 'f', recorder: Recorder): Syncer {
  const timelines = new Map<string, SeenEvent[]>();
  const follower = { user, gapDirection, recorder, gapsFilled: 0 };
  const ending = new AbortController();
  let since: string | undefined;
  const step = async (timeoutMs: number): Promise<boolean> => {
    const answer = readSync(await untilAnswered(user, 'GET', syncPath(since, timeoutMs), undefined, recorder));
    for (const [roomId, room] of answer.join) {
      const known = timelines.get(roomId) ?? [];
      const missed = room.limited || since === undefined ? await fetchGap(follower, roomId, room, since) : [];
      timelines.set(roomId, [...known, ...[...missed, ...room.timeline].map(toSeenEvent)]);
    }
    since = answer.nextBatch;
    return answer.join.size > 0;
  };
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) await step(1_000);
    let isBehind = true;
    while (isBehind) isBehind = await step(0);
  };
  const running = run().catch((error: unknown) => noteFailure(recorder, user, error));
  return {
    userId: user.userId,
    timelines,
    gapsFilled: () => follower.gapsFilled,
    async finish() {
      ending.abort();
      await running;
    },
  };
}

/** A room's whole history, oldest first. */
export async function fetchHistory(user: MatrixHttp, roomId: string, recorder: Recorder): Promise<SeenEvent[]> {
  const getPage = async (from: string | undefined) =>
    readMessages(await untilAnswered(user, 'GET', messagesPath(roomId, 'f', from), undefined, recorder));
  return (await pageToEnd(getPage)).map(toSeenEvent);
}

function noteFailure(recorder: Recorder, user: MatrixHttp, error: unknown): void {
  recorder.failures.push(`${user.userId}: ${error instanceof Error ? error.message : String(error)}`);
}

type Follower = { user: MatrixHttp; gapDirection: 'b' | 'f'; recorder: Recorder; gapsFilled: number };

/** The events between the token that the client had, or the room's start, and the start of the timeline. */
async function fetchGap(
  follower: Follower,
  roomId: string,
  room: SyncedRoom,
  since: string | undefined,
): Promise<ClientEvent[]> {
  if (room.prevBatch === undefined) {
    // "If no earlier events are available, this property may be omitted."
    if (since !== undefined) throw new Error(`${roomId}: a limited timeline without prev_batch`);
    return [];
  }
  if (room.limited) follower.gapsFilled += 1;
  const forwards = follower.gapDirection === 'f';
  const [first, to] = forwards ? [since, room.prevBatch] : [room.prevBatch, since];
  const getPage = async (from: string | undefined) => {
    const path = messagesPath(roomId, follower.gapDirection, from, to);
    return readMessages(await untilAnswered(follower.user, 'GET', path, undefined, follower.recorder));
  };
  const events = await pageToEnd(getPage, { first, to });
  return forwards ? events : events.toReversed();
}

/** Asks until there is a 2xx. Throws at a refusal that no fault explains, and when the run is aborted. */
async function untilAnswered(
  user: MatrixHttp,
  method: string,
  path: string,
  body: unknown,
  recorder: Recorder,
): Promise<JsonObject> {
  for (;;) {
    const answer = await request(user.baseUrl, method, path, {
      token: user.accessToken,
      timeoutMs: requestTimeoutMs,
      ...(body === undefined ? {} : { body }),
    })
      // The connection broke, or nothing was answered in time: nobody knows whether it happened.
      .catch(() => undefined);
    if (answer !== undefined && answer.status >= 200 && answer.status < 300) return answer.body;
    if (answer !== undefined && answer.status < 500) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.bodyText.slice(0, 200)}`);
    }
    await delay(retryDelayMs, undefined, { signal: recorder.abort });
  }
}

function syncPath(since: string | undefined, timeoutMs: number): string {
  // A small limit, so that gaps are as common as they are on a busy day.
  const filter = JSON.stringify({ room: { timeline: { limit: 20 } } });
  const query = new URLSearchParams({ timeout: String(timeoutMs), filter, ...(since === undefined ? {} : { since }) });
  return `/_matrix/client/v3/sync?${query.toString()}`;
}

function messagesPath(roomId: string, dir: 'b' | 'f', from?: string, to?: string): string {
  const query = new URLSearchParams({
    dir,
    limit: '100',
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  return `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?${query.toString()}`;
}

function toSeenEvent(event: ClientEvent): SeenEvent {
  const key = event.content[keyProperty];
  // A message without a key is nobody's: it gets one that nobody sent, so that the oracle calls it invented.
  const fallback = event.type === 'm.room.message' ? `none (${event.event_id})` : null;
  return { eventId: event.event_id, sender: event.sender, key: typeof key === 'string' ? key : fallback };
}

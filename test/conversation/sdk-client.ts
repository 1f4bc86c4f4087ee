/** Owns real clients: matrix-js-sdk as an application would set it up, without encryption and with nothing persisted. */
import {
  ClientEvent,
  createClient,
  Direction,
  MatrixError,
  MatrixEventEvent,
  MemoryStore,
  PendingEventOrdering,
  RoomEvent,
  type MatrixClient,
  type MatrixEvent,
  type Room,
} from 'matrix-js-sdk';
import { logger as sharedLogger, type BaseLogger, type Logger } from 'matrix-js-sdk/lib/logger.js';
import assert from 'node:assert/strict';
import { testPassword, uniqueName } from '#test/support/matrix-http.ts';

const waitTimeoutMs = 45_000;
const pagesMax = 100;
/** No timer of the tests' own is as long: the SDK has one for each request, and for keys that it waits for. */
const sdkRequestTimeoutMs = 50_000;

silenceSharedLogger();
releaseRequestTimers();

export type SdkUser = AsyncDisposable & {
  readonly client: MatrixClient;
  readonly userId: string;
  readonly accessToken: string;
  readonly deviceId: string;
  /** Warnings and errors that the SDK wrote to its log, for the message of a failure. */
  readonly complaints: readonly string[];
};

/** Registers a user through the SDK, starts its /sync loop and returns when the first answer is processed. */
export async function startSdkUser(baseUrl: string, name: string): Promise<SdkUser> {
  const complaints: string[] = [];
  const logger = collectComplaints(complaints);
  const registered = await register(createClient({ baseUrl, logger }), uniqueName(name));
  const { user_id: userId, access_token: accessToken, device_id: deviceId } = registered;
  assert.ok(accessToken !== undefined && deviceId !== undefined, 'registration logs in');
  const client = createClient({
    baseUrl,
    userId,
    accessToken,
    deviceId,
    logger,
    store: new MemoryStore(),
    timelineSupport: true,
    disableVoip: true,
  });
  const user: SdkUser = {
    client,
    userId,
    accessToken,
    deviceId,
    complaints,
    async [Symbol.asyncDispose]() {
      client.stopClient();
      await client.store.deleteAllData();
    },
  };
  await client.startClient({ pendingEventOrdering: PendingEventOrdering.Detached, pollTimeout: 20_000 });
  await untilSynced(user, () => client.isInitialSyncComplete(), 'the initial sync');
  return user;
}

/** Waits until `check` holds, looking again whenever the SDK has processed something. Bounded. */
export async function untilSynced(user: SdkUser, check: () => boolean, what: string): Promise<void> {
  const { client } = user;
  let look = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      look = () => {
        if (check()) resolve();
      };
      timer = setTimeout(() => {
        const complaints = user.complaints.slice(-10).join('\n');
        reject(new Error(`${user.userId} waited ${waitTimeoutMs} ms in vain for ${what}\n${complaints}`));
      }, waitTimeoutMs);
      client.on(ClientEvent.Sync, look);
      client.on(RoomEvent.Timeline, look);
      client.on(RoomEvent.MyMembership, look);
      client.on(MatrixEventEvent.Decrypted, look);
      look();
    });
  } finally {
    clearTimeout(timer);
    client.off(ClientEvent.Sync, look);
    client.off(RoomEvent.Timeline, look);
    client.off(RoomEvent.MyMembership, look);
    client.off(MatrixEventEvent.Decrypted, look);
  }
}

/** The room as the client knows it; a failure if it does not. */
export function requireRoom(user: SdkUser, roomId: string): Room {
  const room = user.client.getRoom(roomId);
  assert.ok(room, `${user.userId} knows ${roomId}`);
  return room;
}

/** The room's events from its start to now as the SDK holds them, after paging back as a person who scrolls up. */
export async function scrollToStart(user: SdkUser, roomId: string): Promise<MatrixEvent[]> {
  let earliest = requireRoom(user, roomId).getLiveTimeline();
  for (let page = 0; page < pagesMax; page += 1) {
    const before = earliest.getNeighbouringTimeline(Direction.Backward);
    if (before !== null) earliest = before;
    // Without a token there is nothing more to ask for.
    else if (earliest.getPaginationToken(Direction.Backward) === null) break;
    else await user.client.paginateEventTimeline(earliest, { backwards: true, limit: 50 });
  }
  const events: MatrixEvent[] = [];
  for (let timeline: typeof earliest | null = earliest; timeline !== null;) {
    events.push(...timeline.getEvents());
    timeline = timeline.getNeighbouringTimeline(Direction.Forward);
  }
  return events;
}

async function register(client: MatrixClient, username: string) {
  const body = { username, password: testPassword };
  const session = await client.registerRequest(body).then(
    () => assert.fail('the first request of registration asks for authentication'),
    (error: unknown) => {
      assert.ok(error instanceof MatrixError && error.httpStatus === 401, `expected 401, got ${String(error)}`);
      const given: unknown = error.data['session'];
      assert.ok(typeof given === 'string', 'the 401 names a session');
      return given;
    },
  );
  return client.registerRequest({ ...body, auth: { type: 'm.login.dummy', session } });
}

/** A logger that writes down warnings and errors alone. */
export function collectComplaints(complaints: string[]): Logger {
  const ignore = (): void => undefined;
  const note = (...parts: unknown[]): void => {
    complaints.push(parts.map(String).join(' '));
  };
  const base: BaseLogger = { trace: ignore, debug: ignore, info: ignore, warn: note, error: note };
  const logger: Logger = { ...base, getChild: () => logger };
  return logger;
}

/** Parts of the SDK write to a logger of their own, whatever a client is given, and say what is no fault. */
function silenceSharedLogger(): void {
  // Its children take over the factory, but not the level.
  Object.assign(sharedLogger, { methodFactory: () => () => undefined });
  if ('rebuild' in sharedLogger && typeof sharedLogger.rebuild === 'function') sharedLogger.rebuild();
}

/**
 * The SDK does not clear the timer of a request that has ended, so that a process would linger for a minute or two after
 * its clients have stopped. Timers as long as that are its own alone: they no longer hold the process.
 */
function releaseRequestTimers(): void {
  const original = globalThis.setTimeout;
  const releasing = (callback: () => void, delayMs?: number, ...rest: []): NodeJS.Timeout => {
    const timer = original(callback, delayMs, ...rest);
    return delayMs !== undefined && delayMs >= sdkRequestTimeoutMs ? timer.unref() : timer;
  };
  globalThis.setTimeout = Object.assign(releasing, original);
}

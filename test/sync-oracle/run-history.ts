/** Owns running a history over the client API of whatever server answers at a base URL. */
import { randomBytes } from 'node:crypto';
import { isObject } from '#test/support/matrix-shapes.ts';
import { count } from '#test/sync-oracle/client-view.ts';
import type { FarServer } from '#test/sync-oracle/far-server.ts';
import { far, type Operation } from '#test/sync-oracle/operations.ts';
import { requestOf, type Plain, type Sent, type WireRequest } from '#test/sync-oracle/requests.ts';

/** The users, each with the server, or the process of a server, that they talk to. */
export type HistoryApi = {
  readonly farServer: FarServer;
  readonly users: readonly { readonly baseUrl: string; readonly userId: string; readonly accessToken: string }[];
};
type User = HistoryApi['users'][number];
type OnSync = (operation: Extract<Operation, { kind: 'sync' }>) => Promise<void>;

export type HistoryRun = {
  /** How often which kind of operation was done, and what became of forks. */
  readonly done: ReadonlyMap<string, number>;
  /** How often which kind of operation was refused, and how. */
  readonly refused: ReadonlyMap<string, number>;
};

const requestTimeoutMs = 20_000;

/**
 * Does one operation after the other. One that the server refuses with a standard error is counted and passed over; any
 * other failure ends the run. `onSync` is called where the history says that a user's client asks for news.
 */
export async function runHistory(
  api: HistoryApi,
  operations: readonly Operation[],
  onSync: OnSync,
): Promise<HistoryRun> {
  const run = new Run(api, onSync);
  await run.perform(operations);
  return run;
}

/** As `runHistory`, but once the first rooms are there each user acts without waiting for the others. */
export async function runConcurrently(
  api: HistoryApi,
  operations: readonly Operation[],
  onSync: OnSync,
): Promise<HistoryRun> {
  const run = new Run(api, onSync);
  const start = operations.findIndex(({ kind }) => kind !== 'createRoom' && kind !== 'farRoom');
  await run.perform(operations.slice(0, start));
  const lanes = [...api.users.keys(), far].map((user) => operations.slice(start).filter(({ by }) => by === user));
  await Promise.all(lanes.map((lane) => run.perform(lane)));
  return run;
}

class Run implements HistoryRun {
  readonly done = new Map<string, number>();
  readonly refused = new Map<string, number>();
  readonly #api: HistoryApi;
  readonly #onSync: OnSync;
  readonly #sent: Sent;

  constructor(api: HistoryApi, onSync: OnSync) {
    this.#api = api;
    this.#onSync = onSync;
    const nextTxnId = (): string => randomBytes(8).toString('hex');
    this.#sent = { users: api.users.map(({ userId }) => userId), rooms: [], nextTxnId };
  }

  async perform(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.kind === 'sync') {
        await this.#onSync(operation);
        count(this.done, operation.isLost ? 'lost answer' : 'sync');
        continue;
      }
      const isFar = operation.kind === 'farRoom' || operation.kind === 'fork';
      const outcome = isFar
        ? await performFar(this.#api, this.#sent, operation)
        : await perform(this.#api, this.#sent, operation);
      if (outcome === 'done' || isFar) count(this.done, operation.kind);
      if (outcome === 'done' || outcome === 'pointless') continue;
      count(isFar ? this.done : this.refused, outcome);
    }
  }
}

type FarOperation = Extract<Operation, { readonly kind: 'farRoom' | 'fork' }>;

/** `done`, or what became of an event. */
async function performFar({ farServer, users }: HistoryApi, sent: Sent, operation: FarOperation): Promise<string> {
  const userOf = (number: number): string => users[number]?.userId ?? '';
  if (operation.kind === 'farRoom') {
    const levels = new Map(operation.admins.map((admin) => [userOf(admin), 50]));
    sent.rooms.push({ roomId: await farServer.createRoom(operation.version, levels), events: [] });
    return 'done';
  }
  const room = sent.rooms[operation.room];
  // While all act at once, rooms that are made meanwhile may come before their time.
  if (room === undefined || !farServer.hasRoom(room.roomId)) return 'pointless';
  const { eventId, status } = await farServer.fork(room.roomId, operation, userOf(operation.user));
  if (status === 'accepted') room.events.push(eventId);
  return `fork ${status}`;
}

/** `done`, `pointless` where there is no room or event to do it with, or the kind and the error code. */
async function perform(
  api: HistoryApi,
  sent: Sent,
  operation: Plain | Extract<Operation, { kind: 'level' }>,
): Promise<string> {
  const user = api.users[operation.by];
  if (user === undefined) throw new Error(`There is no user ${operation.by}.`);
  const request = operation.kind === 'level' ? await levelRequest(user, sent, operation) : requestOf(sent, operation);
  const makesRoom = operation.kind === 'createRoom' || operation.kind === 'upgrade';
  if (request === undefined) {
    if (makesRoom) sent.rooms.push(undefined);
    return 'pointless';
  }
  const answer = await call(user, request);
  if (makesRoom) {
    const roomId = answer.body['room_id'] ?? answer.body['replacement_room'];
    sent.rooms.push(typeof roomId === 'string' ? { roomId, events: [] } : undefined);
  }
  if (answer.status >= 400) return `${operation.kind} ${String(answer.body['errcode'])}`;
  const eventId = answer.body['event_id'];
  if (typeof eventId === 'string' && 'room' in operation) sent.rooms[operation.room]?.events.push(eventId);
  return 'done';
}

/** Power levels are changed from what they are. */
async function levelRequest(
  by: User,
  sent: Sent,
  operation: Extract<Operation, { kind: 'level' }>,
): Promise<WireRequest | undefined> {
  const room = sent.rooms[operation.room];
  const user = sent.users[operation.user];
  if (room === undefined || user === undefined) return undefined;
  const path = `/rooms/${encodeURIComponent(room.roomId)}/state/m.room.power_levels/`;
  const { status, body } = await call(by, { method: 'GET', path });
  if (status !== 200) return undefined;
  const users = isObject(body['users']) ? body['users'] : {};
  return { method: 'PUT', path, body: { ...body, users: { ...users, [user]: operation.level } } };
}

async function call({ baseUrl, accessToken }: User, { method, path, body }: WireRequest) {
  const response = await fetch(`${baseUrl}/_matrix/client/v3${path}`, {
    method,
    headers: { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const parsed: unknown = await response.json();
  const answer = isObject(parsed) ? parsed : {};
  // 502: the other server of the history was to be asked, which answers nobody.
  const mayRefuse = (response.status >= 400 && response.status < 500) || response.status === 502;
  const isRefusal = mayRefuse && typeof answer['errcode'] === 'string';
  if (!response.ok && !isRefusal) {
    throw new Error(`${method} ${path} was answered with ${response.status} ${JSON.stringify(answer)}`);
  }
  return { status: response.status, body: answer };
}

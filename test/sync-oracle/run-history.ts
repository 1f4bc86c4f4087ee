/** Owns running a history over the client API of whatever server answers at a base URL. */
import { randomBytes } from 'node:crypto';
import { isObject } from '#test/support/matrix-shapes.ts';
import type { Operation } from '#test/sync-oracle/operations.ts';
import { requestOf, type Sent, type WireRequest } from '#test/sync-oracle/requests.ts';

export type HistoryApi = {
  readonly baseUrl: string;
  readonly users: readonly { readonly userId: string; readonly accessToken: string }[];
};

export type HistoryRun = {
  readonly done: number;
  /** How often which kind of operation was refused, and how. */
  readonly refused: ReadonlyMap<string, number>;
};

const requestTimeoutMs = 20_000;

/**
 * Does one operation after the other. One that the server refuses with a standard error is counted and passed over; any
 * other failure ends the run. `onSync` is called where the history says that a user's clients ask for news.
 */
export async function runHistory(
  api: HistoryApi,
  operations: readonly Operation[],
  onSync: (user: number) => Promise<void>,
): Promise<HistoryRun> {
  const sent: Sent = {
    users: api.users.map(({ userId }) => userId),
    rooms: [],
    nextTxnId: () => randomBytes(8).toString('hex'),
  };
  const refused = new Map<string, number>();
  let done = 0;
  for (const operation of operations) {
    if (operation.kind === 'sync') {
      await onSync(operation.by);
      continue;
    }
    const made = await perform(api, sent, operation);
    if (made === 'done') done += 1;
    else if (made !== 'pointless') refused.set(made, (refused.get(made) ?? 0) + 1);
  }
  return { done, refused };
}

/** `done`, `pointless` where there is no room or event to do it with, or the kind and the error code. */
async function perform(api: HistoryApi, sent: Sent, operation: Exclude<Operation, { kind: 'sync' }>): Promise<string> {
  const token = api.users[operation.by]?.accessToken ?? '';
  const request =
    operation.kind === 'level' ? await levelRequest(api, sent, operation, token) : requestOf(sent, operation);
  const makesRoom = operation.kind === 'createRoom' || operation.kind === 'upgrade';
  if (request === undefined) {
    if (makesRoom) sent.rooms.push(undefined);
    return 'pointless';
  }
  const answer = await call(api, token, request);
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
  api: HistoryApi,
  sent: Sent,
  operation: Extract<Operation, { kind: 'level' }>,
  token: string,
): Promise<WireRequest | undefined> {
  const room = sent.rooms[operation.room];
  const user = sent.users[operation.user];
  if (room === undefined || user === undefined) return undefined;
  const path = `/rooms/${encodeURIComponent(room.roomId)}/state/m.room.power_levels/`;
  const { status, body } = await call(api, token, { method: 'GET', path });
  if (status !== 200) return undefined;
  const users = isObject(body['users']) ? body['users'] : {};
  return { method: 'PUT', path, body: { ...body, users: { ...users, [user]: operation.level } } };
}

async function call(api: HistoryApi, token: string, { method, path, body }: WireRequest) {
  const response = await fetch(`${api.baseUrl}/_matrix/client/v3${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const parsed: unknown = await response.json();
  const answer = isObject(parsed) ? parsed : {};
  const isRefusal = response.status >= 400 && response.status < 500 && typeof answer['errcode'] === 'string';
  if (!response.ok && !isRefusal) {
    throw new Error(`${method} ${path} was answered with ${response.status} ${JSON.stringify(answer)}`);
  }
  return { status: response.status, body: answer };
}

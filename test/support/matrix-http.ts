/** Owns a small client of the client-server API over fetch, which hides nothing: status, headers and body are there. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { checkAnswer } from '#test/support/check-answer.ts';
import {
  asObject,
  isObject,
  readEvents,
  readMessages,
  readSync,
  text,
  type ClientEvent,
  type JsonObject,
  type MessagesPage,
  type SyncAnswer,
} from '#test/support/matrix-shapes.ts';

export const testPassword = 'correct horse battery staple';

const requestTimeoutMs = 40_000;
const pagesMax = 5_000;

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export type RequestOptions = {
  readonly token?: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, for bodies that are not JSON or that JSON.stringify cannot write. */
  readonly rawBody?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** The body as a JSON object; `{}` when it is not one. */
  readonly body: JsonObject;
  readonly bodyText: string;
};

/** A request that was answered, but not with 2xx. A connection that breaks throws whatever fetch throws. */
export class RefusedRequest extends Error {
  readonly answer: Answer;

  constructor(operation: string, answer: Answer) {
    super(`${operation} was answered ${answer.status}: ${answer.bodyText.slice(0, 500)}`);
    this.name = 'RefusedRequest';
    this.answer = answer;
  }
}

/** One request, whose answer must have the specification's shape. `path` is everything behind the host, already encoded. */
export async function request(
  baseUrl: string,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const url = new URL(baseUrl + path);
  for (const [key, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) url.searchParams.set(key, String(value));
  }
  const body = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await fetch(url, {
    method,
    headers: {
      ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(options.timeoutMs ?? requestTimeoutMs),
  });
  const bodyText = await response.text();
  if (response.status === 200 && /^application\/json/.test(response.headers.get('content-type') ?? '')) {
    const filter = String(options.query?.['filter'] ?? '');
    checkAnswer(method, path.split('?', 1)[0] ?? path, JSON.parse(bodyText), /event_fields|federation/.test(filter));
  }
  return { status: response.status, headers: response.headers, body: parseObject(bodyText), bodyText };
}

/** Asserts that an answer is a standard error response with that status and one of those codes. */
export function assertError(answer: Answer, status: number, ...errcodes: readonly string[]): void {
  const summary = `${answer.status} ${answer.bodyText.slice(0, 300)}`;
  assert.equal(answer.status, status, `expected ${status} ${errcodes.join(' or ')}, got ${summary}`);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, `errors are JSON: ${summary}`);
  const errcode = text(answer.body, 'errcode');
  assert.ok(errcodes.length === 0 || errcodes.includes(errcode), `expected ${errcodes.join(' or ')}, got ${summary}`);
  assert.ok(text(answer.body, 'error').length > 0, 'an error says in words what went wrong');
}

export type Session = {
  readonly userId: string;
  readonly accessToken: string;
  readonly deviceId: string;
};

export type MessagesOptions = {
  readonly dir: 'b' | 'f';
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit?: number;
  readonly filter?: string;
};

export type SyncOptions = {
  readonly since?: string | undefined;
  readonly timeout?: number;
  readonly filter?: JsonObject | string;
  readonly full_state?: boolean;
  readonly use_state_after?: boolean;
};

/** One device of one user. Every method throws `RefusedRequest` unless the answer is 2xx; `raw` never does. */
export type MatrixHttp = Session & {
  readonly baseUrl: string;
  /** `path` is relative to /_matrix/client/v3. */
  raw(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  createRoom(body?: JsonObject): Promise<string>;
  invite(roomId: string, userId: string): Promise<void>;
  join(roomId: string): Promise<void>;
  leave(roomId: string): Promise<void>;
  /** Sends an event and returns its id. A fresh transaction id is made unless one is given. */
  send(roomId: string, type: string, content: JsonObject, txnId?: string): Promise<string>;
  sendText(roomId: string, body: string, txnId?: string): Promise<string>;
  setState(roomId: string, type: string, content: JsonObject, stateKey?: string): Promise<string>;
  getState(roomId: string, type: string, stateKey?: string): Promise<JsonObject>;
  getFullState(roomId: string): Promise<ClientEvent[]>;
  redact(roomId: string, eventId: string, reason?: string): Promise<string>;
  getMembers(roomId: string, query?: Query): Promise<ClientEvent[]>;
  getMessages(roomId: string, options: MessagesOptions): Promise<MessagesPage>;
  /** The whole history that the user may see, oldest first, paged in that direction. */
  getHistory(roomId: string, options?: { dir?: 'b' | 'f'; limit?: number }): Promise<ClientEvent[]>;
  sync(options?: SyncOptions): Promise<SyncAnswer>;
};

/** Registers a user through the dummy stage of user-interactive authentication. A name is made up unless given. */
export async function registerUser(baseUrl: string, username = uniqueName('user')): Promise<MatrixHttp> {
  const body = { username, password: testPassword };
  const path = '/_matrix/client/v3/register';
  const first = await request(baseUrl, 'POST', path, { body });
  assert.equal(first.status, 401, `the first request of registration asks for authentication: ${first.bodyText}`);
  const auth = { type: 'm.login.dummy', session: text(first.body, 'session') };
  const answer = await request(baseUrl, 'POST', path, { body: { ...body, auth } });
  if (answer.status !== 200) throw new RefusedRequest('registration', answer);
  return openSession(baseUrl, readSession(answer.body));
}

/** Registers a guest, on a server that has them. */
export async function registerGuest(baseUrl: string): Promise<MatrixHttp> {
  const answer = await request(baseUrl, 'POST', '/_matrix/client/v3/register', { query: { kind: 'guest' }, body: {} });
  if (answer.status !== 200) throw new RefusedRequest('registration of a guest', answer);
  return openSession(baseUrl, readSession(answer.body));
}

/** Logs in by password and returns the new device. */
export async function logIn(baseUrl: string, user: string, password = testPassword): Promise<MatrixHttp> {
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password };
  const answer = await request(baseUrl, 'POST', '/_matrix/client/v3/login', { body });
  if (answer.status !== 200) throw new RefusedRequest('login', answer);
  return openSession(baseUrl, readSession(answer.body));
}

/** The device that registration or login answered with. */
export function readSession(body: JsonObject): Session {
  return {
    userId: text(body, 'user_id'),
    accessToken: text(body, 'access_token'),
    deviceId: text(body, 'device_id'),
  };
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

/** Encodes one segment of a path. */
export const encode = encodeURIComponent;

/** The methods of one device, from what registration or login answered. */
export function openSession(baseUrl: string, session: Session): MatrixHttp {
  const raw: MatrixHttp['raw'] = (method, path, options = {}) =>
    request(baseUrl, method, `/_matrix/client/v3${path}`, { token: session.accessToken, ...options });
  const call = async (method: string, path: string, options?: RequestOptions): Promise<Answer> => {
    const answer = await raw(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new RefusedRequest(`${method} ${path}`, answer);
    return answer;
  };
  const eventIdOf = (answer: Answer): string => text(answer.body, 'event_id');
  return { ...session, baseUrl, raw, ...roomCalls(call, eventIdOf), ...readCalls(call) };
}

type Call = (method: string, path: string, options?: RequestOptions) => Promise<Answer>;

function roomCalls(call: Call, eventIdOf: (answer: Answer) => string) {
  const send: MatrixHttp['send'] = async (roomId, type, content, txnId = uniqueName('txn')) =>
    eventIdOf(await call('PUT', `/rooms/${encode(roomId)}/send/${encode(type)}/${encode(txnId)}`, { body: content }));
  return {
    async createRoom(body: JsonObject = {}): Promise<string> {
      return text((await call('POST', '/createRoom', { body })).body, 'room_id');
    },
    async invite(roomId: string, userId: string): Promise<void> {
      await call('POST', `/rooms/${encode(roomId)}/invite`, { body: { user_id: userId } });
    },
    async join(roomId: string): Promise<void> {
      const answer = await call('POST', `/rooms/${encode(roomId)}/join`, { body: {} });
      assert.equal(text(answer.body, 'room_id'), roomId, 'joining answers with the id of the room joined');
    },
    async leave(roomId: string): Promise<void> {
      await call('POST', `/rooms/${encode(roomId)}/leave`, { body: {} });
    },
    send,
    async sendText(roomId: string, body: string, txnId?: string): Promise<string> {
      return send(roomId, 'm.room.message', { msgtype: 'm.text', body }, txnId);
    },
    async setState(roomId: string, type: string, content: JsonObject, stateKey = ''): Promise<string> {
      return eventIdOf(await call('PUT', statePath(roomId, type, stateKey), { body: content }));
    },
    async redact(roomId: string, eventId: string, reason?: string): Promise<string> {
      const path = `/rooms/${encode(roomId)}/redact/${encode(eventId)}/${uniqueName('txn')}`;
      return eventIdOf(await call('PUT', path, { body: reason === undefined ? {} : { reason } }));
    },
  };
}

function readCalls(call: Call) {
  const getMessages: MatrixHttp['getMessages'] = async (roomId, options) =>
    readMessages((await call('GET', `/rooms/${encode(roomId)}/messages`, { query: options })).body);
  return {
    async getState(roomId: string, type: string, stateKey = ''): Promise<JsonObject> {
      return (await call('GET', statePath(roomId, type, stateKey))).body;
    },
    async getFullState(roomId: string): Promise<ClientEvent[]> {
      const answer = await call('GET', `/rooms/${encode(roomId)}/state`);
      return readEvents(JSON.parse(answer.bodyText), 'the answer of /state');
    },
    async getMembers(roomId: string, query: Query = {}): Promise<ClientEvent[]> {
      const answer = await call('GET', `/rooms/${encode(roomId)}/members`, { query });
      return readEvents(answer.body['chunk'], 'chunk');
    },
    getMessages,
    async getHistory(roomId: string, options: { dir?: 'b' | 'f'; limit?: number } = {}): Promise<ClientEvent[]> {
      const dir = options.dir ?? 'f';
      const events = await pageToEnd((from) => getMessages(roomId, { dir, from, limit: options.limit ?? 100 }));
      return dir === 'f' ? events : events.toReversed();
    },
    async sync(options: SyncOptions = {}): Promise<SyncAnswer> {
      const filter = isObject(options.filter) ? JSON.stringify(options.filter) : options.filter;
      return readSync((await call('GET', '/sync', { query: { ...options, filter } })).body);
    },
  };
}

/**
 * Follows `end` until it is absent or is the token `to` at which the caller asked to stop.
 * A token that does not move, or that never ends, is a failure.
 */
export async function pageToEnd(
  getPage: (from: string | undefined) => Promise<MessagesPage>,
  range: { readonly first?: string | undefined; readonly to?: string | undefined } = {},
): Promise<ClientEvent[]> {
  const events: ClientEvent[] = [];
  let from = range.first;
  for (let page = 0; page < pagesMax; page += 1) {
    const { chunk, end } = await getPage(from);
    events.push(...chunk);
    if (end === undefined || end === range.to) return events;
    assert.notEqual(end, from, 'a page that is not the last moves the token on');
    from = end;
  }
  throw new Error(`/messages still had an "end" after ${pagesMax} pages.`);
}

function statePath(roomId: string, type: string, stateKey: string): string {
  return `/rooms/${encode(roomId)}/state/${encode(type)}/${encode(stateKey)}`;
}

function parseObject(bodyText: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(bodyText);
    return isObject(parsed) ? asObject(parsed, 'body') : {};
  } catch {
    return {};
  }
}

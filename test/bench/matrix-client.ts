/** Owns the calls of the Matrix client–server API that the rows make, for one logged-in user on one connection. */
import { randomToken } from '#core/random.ts';
import { type Connection, RequestFailure } from '#test/bench/connection.ts';

export type TimelineEvent = { type: string; event_id: string; content: Record<string, unknown> };
export type JoinedRoom = { timeline?: { events?: TimelineEvent[]; limited?: boolean } };
export type SyncResponse = { next_batch: string; rooms?: { join?: Record<string, JoinedRoom> } };
export type MessagesResponse = { chunk: TimelineEvent[]; end?: string };
export type Session = { userId: string; accessToken: string };

let transactions = 0;

export class MatrixClient {
  readonly connection: Connection;
  readonly session: Session;
  readonly #authorization: string;

  constructor(connection: Connection, session: Session) {
    this.connection = connection;
    this.session = session;
    this.#authorization = `Authorization: Bearer ${session.accessToken}\r\n`;
  }

  /** The same user and device on another connection. */
  on(connection: Connection): MatrixClient {
    return new MatrixClient(connection, this.session);
  }

  /** Any request with this user's token; returns the body, throws `RequestFailure` unless the status is 200. */
  async call(method: string, path: string, body?: unknown): Promise<string> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.connection.request(method, `/_matrix/client/v3${path}`, this.#authorization, text);
    if (response.status !== 200) throw refusal(response);
    return response.body;
  }

  /** Sends an `m.room.message` under a new transaction id; returns its event id. */
  async send(roomId: string, content: object): Promise<string> {
    transactions += 1;
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/b${transactions}`;
    const { event_id: eventId }: { event_id?: unknown } = JSON.parse(await this.call('PUT', path, content));
    if (typeof eventId !== 'string') throw new RequestFailure('200 without event_id');
    return eventId;
  }

  /** Creates a room; returns its id. */
  async createRoom(options: object): Promise<string> {
    const { room_id: roomId }: { room_id?: unknown } = JSON.parse(await this.call('POST', '/createRoom', options));
    if (typeof roomId !== 'string') throw new RequestFailure('200 without room_id');
    return roomId;
  }

  async join(roomId: string): Promise<void> {
    await this.call('POST', `/join/${encodeURIComponent(roomId)}`, {});
  }

  async joinedRooms(): Promise<string[]> {
    const answer: { joined_rooms: string[] } = JSON.parse(await this.call('GET', '/joined_rooms'));
    return answer.joined_rooms;
  }

  async sync(query: Record<string, string>): Promise<SyncResponse> {
    const answer: SyncResponse = JSON.parse(await this.call('GET', `/sync?${new URLSearchParams(query).toString()}`));
    if (typeof answer.next_batch !== 'string') throw new RequestFailure('200 without next_batch');
    return answer;
  }

  /** One page backwards from the newest event, or from `from`. */
  async messages(roomId: string, limit: number, from?: string): Promise<MessagesResponse> {
    return JSON.parse(await this.call('GET', messagesPath(roomId, limit, from)));
  }
}

/** The path of `/messages` backwards, for rows that repeat it. */
export function messagesPath(roomId: string, limit: number, from?: string): string {
  const start = from === undefined ? '' : `&from=${encodeURIComponent(from)}`;
  return `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${limit}${start}`;
}

/**
 * Registers a user with a random name, going through the stages that the server asks for as far as a benchmark can:
 * `m.login.dummy` and, with a token, `m.login.registration_token` (client–server API, user-interactive authentication).
 */
export async function register(connection: Connection, registrationToken?: string): Promise<Session> {
  const account = { username: `bench-${randomToken(9).toLowerCase()}`, password: randomToken() };
  let auth: Record<string, string> | undefined;
  for (let step = 0; step < 5; step += 1) {
    const body = JSON.stringify(auth === undefined ? account : { ...account, auth });
    const response = await connection.request('POST', '/_matrix/client/v3/register', '', body);
    if (response.status === 200) return sessionOf(response.body);
    if (response.status !== 401) throw refusal(response);
    const stage = nextStage(response.body, registrationToken);
    if (stage === undefined) {
      throw new RequestFailure('registration is not open to a benchmark: open it, or pass --registration-token');
    }
    auth = stage;
  }
  throw new RequestFailure('registration asks for ever more stages');
}

type UiaResponse = { session?: string; completed?: string[]; flows?: { stages: string[] }[] };

function nextStage(body: string, registrationToken: string | undefined): Record<string, string> | undefined {
  const { session = '', completed = [], flows = [] }: UiaResponse = JSON.parse(body);
  const possible = new Set(['m.login.dummy']);
  if (registrationToken !== undefined) possible.add('m.login.registration_token');
  const flow = flows.find(({ stages }) => stages.every((stage) => possible.has(stage)));
  const type = flow?.stages.find((stage) => !completed.includes(stage));
  if (type === undefined) return undefined;
  return type === 'm.login.dummy' ? { type, session } : { type, session, token: registrationToken ?? '' };
}

function sessionOf(body: string): Session {
  const answer: { user_id: string; access_token?: string } = JSON.parse(body);
  if (answer.access_token === undefined) throw new RequestFailure('registered without an access token');
  return { userId: answer.user_id, accessToken: answer.access_token };
}

function refusal(response: { status: number; body: string }): RequestFailure {
  const errcode = /"errcode"\s*:\s*"([A-Z0-9_.a-z]+)"/.exec(response.body)?.[1];
  return new RequestFailure(`${response.status} ${errcode ?? 'without errcode'}`);
}

/** Owns a double of a homeserver, to prove that the benchmark counts right and notices a server that lies or loses. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '#test/bench/connection.ts';

/** What the double does wrong; `…Every` is done to every so-many-th send. */
export type Faults = {
  /** Answers with an event id but keeps nothing. */
  loseEvery?: number;
  /** Puts the event twice into the timeline. */
  doubleEvery?: number;
  /** Puts the event before the last one. */
  reorderEvery?: number;
  /** Answers with 429. */
  refuseEvery?: number;
  /** Cuts the connection instead of an answer. */
  cutEvery?: number;
  /** Keeps the event from /sync. */
  hideEvery?: number;
  /** Keeps and answers each send only after this time. */
  delayMs?: number;
  /** Answers without a content length, in chunks. */
  chunked?: boolean;
};

type FakeEvent = { type: string; event_id: string; content: object; position: number; hidden: boolean };
type Reply = { status: number; body: object };

export class FakeHomeserver implements AsyncDisposable {
  readonly target: Target;
  sends = 0;
  readonly #server: Server;
  readonly #faults: Faults;
  readonly #rooms = new Map<string, { members: Set<string>; events: FakeEvent[] }>();
  #position = 0;
  #users = 0;

  static async start(faults: Faults = {}): Promise<FakeHomeserver> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeHomeserver(server, faults);
  }

  private constructor(server: Server, faults: Faults) {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the double has no port');
    this.target = { host: '127.0.0.1', port: address.port };
    this.#server = server;
    this.#faults = faults;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += String(piece);
    const reply = await this.#route(request, text === '' ? {} : JSON.parse(text));
    if (reply === undefined) {
      request.socket.destroy();
      return;
    }
    const body = JSON.stringify(reply.body);
    if (this.#faults.chunked !== true) response.setHeader('Content-Length', Buffer.byteLength(body));
    response.statusCode = reply.status;
    response.write(body.slice(0, 10));
    response.end(body.slice(10));
  }

  async #route(request: IncomingMessage, body: Record<string, unknown>): Promise<Reply | undefined> {
    const url = new URL(request.url ?? '', 'http://fake');
    const user = (request.headers.authorization ?? '').replace('Bearer ', '');
    const parts = url.pathname.replace('/_matrix/client/', '').split('/').map(decodeURIComponent);
    const [version = '', verb = '', roomId = '', part = ''] = parts;
    if (version === 'versions') return ok({ versions: ['v1.19'] });
    if (verb === 'register') return this.#register(body);
    if (verb === 'createRoom') return this.#createRoom(user);
    if (verb === 'join') return this.#join(roomId, user);
    if (verb === 'joined_rooms') return ok({ joined_rooms: this.#roomsOf(user) });
    if (verb === 'sync') return ok(await this.#sync(user, url.searchParams));
    if (verb === 'rooms' && part === 'messages') return ok(this.#messages(roomId, url.searchParams));
    if (verb === 'rooms' && part === 'send') {
      if (this.#faults.delayMs !== undefined) await sleep(this.#faults.delayMs);
      return this.#send(roomId, body);
    }
    return { status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'The double does not know this.' } };
  }

  #register(body: Record<string, unknown>): Reply {
    if (body['auth'] === undefined) {
      return { status: 401, body: { session: 's', flows: [{ stages: ['m.login.dummy'] }] } };
    }
    this.#users += 1;
    return ok({ user_id: `@user${this.#users}:fake`, access_token: `token${this.#users}` });
  }

  #createRoom(user: string): Reply {
    const roomId = `!room${this.#rooms.size}:fake`;
    this.#rooms.set(roomId, { members: new Set([user]), events: [] });
    this.#append(roomId, 'm.room.create', {});
    return ok({ room_id: roomId });
  }

  #join(roomId: string, user: string): Reply {
    this.#rooms.get(roomId)?.members.add(user);
    return ok({ room_id: roomId });
  }

  #send(roomId: string, content: object): Reply | undefined {
    this.sends += 1;
    const due = (every = 0): boolean => every > 0 && this.sends % every === 0;
    if (due(this.#faults.cutEvery)) return undefined;
    if (due(this.#faults.refuseEvery)) return { status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } };
    if (due(this.#faults.loseEvery)) return ok({ event_id: `$lost${this.sends}` });
    const event = this.#append(roomId, 'm.room.message', content);
    event.hidden = due(this.#faults.hideEvery);
    const events = this.#rooms.get(roomId)?.events ?? [];
    if (due(this.#faults.doubleEvery)) events.push({ ...event });
    if (due(this.#faults.reorderEvery)) events.splice(-2, 2, ...events.slice(-2).toReversed());
    return ok({ event_id: event.event_id });
  }

  #append(roomId: string, type: string, content: object): FakeEvent {
    this.#position += 1;
    const event = { type, event_id: `$event${this.#position}`, content, position: this.#position, hidden: false };
    this.#rooms.get(roomId)?.events.push(event);
    return event;
  }

  #roomsOf(user: string): string[] {
    return [...this.#rooms].filter(([, room]) => room.members.has(user)).map(([roomId]) => roomId);
  }

  async #sync(user: string, query: URLSearchParams): Promise<object> {
    const until = performance.now() + Number(query.get('timeout') ?? 0);
    const since = Number(query.get('since') ?? 0);
    for (;;) {
      const position = this.#position;
      const join: Record<string, object> = {};
      for (const roomId of this.#roomsOf(user)) {
        const events = this.#rooms.get(roomId)?.events.filter((event) => event.position > since && !event.hidden) ?? [];
        if (events.length > 0) join[roomId] = { timeline: { events, limited: false } };
      }
      const empty = Object.keys(join).length === 0;
      if (!empty || performance.now() >= until || !this.#server.listening) {
        return { next_batch: String(position), ...(empty ? {} : { rooms: { join } }) };
      }
      await sleep(2);
    }
  }

  #messages(roomId: string, query: URLSearchParams): object {
    const events = this.#rooms.get(roomId)?.events ?? [];
    const end = Number(query.get('from') ?? events.length);
    const start = Math.max(0, end - Math.min(100, Number(query.get('limit'))));
    const chunk = events.slice(start, end).toReversed();
    return start > 0 ? { chunk, end: String(start) } : { chunk };
  }
}

function ok(body: object): Reply {
  return { status: 200, body };
}

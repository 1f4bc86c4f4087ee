/** Owns booting a listener with scripted endpoints, and talking to it in bytes, for the tests of HTTP. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '#core/clock.ts';
import type { Load } from '#core/quota.ts';
import { endpoint, type Endpoint, type Principal } from '#http/endpoint.ts';
import { listen, type ListenTimeouts } from '#http/listen.ts';
import { mount, type HttpSeams } from '#http/mount.ts';
import { MatrixError } from '#matrix/error.ts';

export const TOKEN = 'canary-token-0123456789';

const generous = { perSecond: 1_000_000, burst: 1_000_000 };
export const unlimited: HttpSeams['rateLimits'] = {
  enabled: true,
  classes: {
    default: generous,
    login: generous,
    register: generous,
    send: generous,
    join: generous,
    create_room: generous,
    sync: generous,
    federation: generous,
  },
  serverRequestsMax: 1_000_000,
};

function authenticate(token: string): Principal {
  const principal = {
    userId: '@alice:example.org',
    userNid: 1,
    deviceId: 'PHONE',
    deviceNid: 2,
    isGuest: token === 'guest',
  };
  if (token === TOKEN || token === 'guest') return { ...principal, accountState: 'active' };
  if (token === 'locked' || token === 'suspended') return { ...principal, accountState: token };
  throw new MatrixError('M_UNKNOWN_TOKEN', 'This access token is not known.');
}

/** No server may call: what requests of servers need is tested with whole servers. */
export const noServers: HttpSeams['servers'] = {
  bodyBytesMax: 4096,
  readClaim: () => {
    throw new MatrixError('M_UNAUTHORIZED', 'No server may call.');
  },
  checkClaim: () => Promise.reject(new MatrixError('M_UNAUTHORIZED', 'No server may call.')),
};

function parseBody(bytes: Buffer): ReturnType<HttpSeams['parseBody']> {
  try {
    return { ok: true, value: JSON.parse(bytes.toString()) };
  } catch {
    return { ok: false, reason: 'not-json', message: 'The text is not valid JSON.' };
  }
}

export type TestHttp = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  /** Everything logged so far, from the level trace on. */
  readonly logged: () => string;
  readonly metrics: Registry;
  readonly load: (name: string) => Load;
  /** Asks with the token of an active account. */
  readonly fetch: (
    path: string,
    init?: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> },
  ) => Promise<Response>;
};

/** Boots a server on a free port of 127.0.0.1. */
export async function startHttp<Context>(
  endpoints: readonly Endpoint<Context>[],
  context: Context,
  options: { seams?: Partial<HttpSeams>; timeouts?: Partial<ListenTimeouts> } = {},
): Promise<TestHttp> {
  const lines: string[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  const metrics = new Registry();
  const { listener, abortRequests, loads } = mount(endpoints, context, {
    authenticate,
    servers: noServers,
    parseBody,
    clock: systemClock,
    logger: pino({ level: 'trace' }, sink),
    bodyBytesMax: 4096,
    bodyBytesInFlightMax: 1_000_000,
    rateLimits: unlimited,
    trustedProxies: [],
    metrics,
    ...options.seams,
  });
  const timeouts = { stopMs: 2_000, ...options.timeouts };
  const listening = await listen({ host: '127.0.0.1', port: 0, listener, onStop: abortRequests, timeouts });
  const url = `http://127.0.0.1:${listening.port}`;
  return {
    port: listening.port,
    url,
    metrics,
    load: (name) => {
      const found = loads.find((load) => load.name === name);
      if (found === undefined) throw new Error(`There is no load ${name}.`);
      return found;
    },
    logged: () => lines.join(''),
    fetch: (path, init) =>
      fetch(url + path, { ...init, headers: { Authorization: `Bearer ${TOKEN}`, ...init?.headers } }),
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

/** A row for a test: what is left out is a GET that anybody may call and that answers `{}`. */
export function row(facts: Partial<Endpoint<unknown>> & { path: string }): Endpoint<unknown> {
  const made = endpoint({
    operation: `own.${facts.method ?? 'GET'}.${facts.path}`,
    method: 'GET',
    path: facts.path,
    auth: 'none',
    rateLimit: 'none',
    spec: 'own: test',
    handler: () => ({}),
  });
  return { ...made, ...facts };
}

/** Opens a connection, for requests that no HTTP client would send. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the server closes the connection. */
export async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  if (!socket.closed) await once(socket, 'close');
  return text;
}

/** Sends the bytes on a connection of their own and gives all that comes back until it closes. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = await openSocket(port);
  socket.write(bytes);
  return readToEnd(socket);
}

/** The errcode of a JSON answer. */
export async function errcodeOf(response: Response): Promise<unknown> {
  const body: unknown = await response.json();
  return typeof body === 'object' && body !== null && 'errcode' in body ? body.errcode : undefined;
}

/** Waits until the condition holds, for at most five seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('The condition did not come true in time.');
}

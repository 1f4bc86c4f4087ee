/** Owns a listening server: its timeouts, what it says to requests that are no HTTP, and its end. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { MatrixError } from '#matrix/error.ts';
import { errorResponseText } from '#http/render.ts';

export type ListenOptions = {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly listener: RequestListener;
  /** Listens with TLS. */
  readonly tls?: TlsPair | undefined;
  /** Called when stopping begins, so that long polls end. */
  readonly onStop?: () => void;
  readonly timeouts?: Partial<ListenTimeouts>;
};

/** A certificate with its chain, and its private key, both in PEM. */
export type TlsPair = { readonly cert: Buffer; readonly key: Buffer };

export type ListenTimeouts = {
  /** For the head of a request to come in whole. */
  readonly headersMs: number;
  /** For the whole request to come in; answers may take longer. */
  readonly requestMs: number;
  /** How long an unused connection is kept. */
  readonly keepAliveMs: number;
  /** How long a connection may carry nothing at all; longer than the longest long poll. */
  readonly silenceMs: number;
  /** How long a stopping server waits for requests in progress. */
  readonly stopMs: number;
};

const defaultTimeouts: ListenTimeouts = {
  headersMs: 20_000,
  requestMs: 120_000,
  keepAliveMs: 75_000,
  silenceMs: 6 * 60_000,
  stopMs: 10_000,
};

const HEADER_BYTES_MAX = 16 * 1024;
const REQUESTS_PER_CONNECTION_MAX = 100_000;
const STOP_POLL_MS = 20;

/** A server that listens; disposing it stops it. */
export type Listening = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  /** Serves new connections with another certificate; only where it listens with TLS. */
  readonly renewTls: (pair: TlsPair) => void;
};

const HANDSHAKE_MS_MAX = 10_000;

/** Why an address cannot be listened on. */
export class ListenError extends Error {
  override name = 'ListenError';
  readonly reason: 'address-in-use' | 'not-permitted' | 'no-such-address' | 'other';
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const reason = listenReasons[cause.code ?? ''] ?? 'other';
    super(`Cannot listen on ${host}:${port}: ${listenSentences[reason] ?? cause.message}`, { cause });
    this.reason = reason;
    this.host = host;
    this.port = port;
  }
}

const listenReasons: Record<string, ListenError['reason']> = {
  EADDRINUSE: 'address-in-use',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  EADDRNOTAVAIL: 'no-such-address',
  ENOTFOUND: 'no-such-address',
  EAI_AGAIN: 'no-such-address',
};

const listenSentences: Record<string, string> = {
  'address-in-use': 'another program already listens there.',
  'not-permitted': 'the system does not permit it; ports below 1024 usually need more rights.',
  'no-such-address': 'this machine has no such address.',
};

/** Listens. Throws a ListenError. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const httpOptions = {
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: Math.min(5_000, timeouts.headersMs),
    maxHeaderSize: HEADER_BYTES_MAX,
    noDelay: true,
  };
  const secure = options.tls && createTlsServer({ ...httpOptions, ...tlsOptions(options.tls) }, options.listener);
  const server = secure ?? createServer(httpOptions, options.listener);
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION_MAX;
  server.timeout = timeouts.silenceMs;
  server.on('clientError', answerMalformed);
  // Node counts a connection as busy until its first request is over, even one that never sends any.
  // By peer, as with TLS the connection and the socket of its requests are two objects.
  const unused = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    unused.set(peer, socket);
    socket.once('close', () => unused.get(peer) === socket && unused.delete(peer));
  });
  server.on('request', ({ socket }) => unused.delete(peerOf(socket)));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new ListenError(options.host, options.port, error)));
    server.listen({ host: options.host, port: options.port, backlog: 1024 }, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    host: options.host,
    port,
    renewTls: (pair) => secure?.setSecureContext(tlsOptions(pair)),
    [Symbol.asyncDispose]: () => stop(server, unused, options.onStop, timeouts.stopMs),
  };
}

function tlsOptions(pair: TlsPair) {
  return { ...pair, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS_MAX } as const;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

async function stop(
  server: Server,
  unused: ReadonlyMap<string, Socket>,
  onStop: (() => void) | undefined,
  stopMs: number,
): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    onStop?.();
    for (const socket of unused.values()) socket.destroy();
    // A kept-alive connection becomes idle only after its answer in progress, so closing the idle ones is repeated.
    const closeIdle = setInterval(() => server.closeIdleConnections(), STOP_POLL_MS);
    const giveUp = setTimeout(() => server.closeAllConnections(), stopMs);
    server.once('close', () => {
      clearInterval(closeIdle);
      clearTimeout(giveUp);
    });
  });
}

/** Answers what could not be parsed or did not come in time. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const tooLarge = new MatrixError('M_TOO_LARGE', 'The head of the request is too large.');
    socket.end(errorResponseText(431, 'Request Header Fields Too Large', tooLarge));
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const late = new MatrixError('M_UNKNOWN', 'The request did not come in time.');
    socket.end(errorResponseText(408, 'Request Timeout', late));
  } else {
    const malformed = new MatrixError('M_UNKNOWN', 'This is not a valid HTTP request.');
    socket.end(errorResponseText(400, 'Bad Request', malformed));
  }
}

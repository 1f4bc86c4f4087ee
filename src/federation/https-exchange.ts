/** Owns one HTTPS exchange with another machine: whom to dial, how long, how much is read, and which certificate is right. */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { AddressRule } from '#core/network/public-addresses.ts';
import { readAnswer } from '#federation/read-answer.ts';
import { NotConnected, RemoteUnreachable } from '#federation/remote-errors.ts';

/** Where a server is reached. */
export type Place = {
  /** The host name or IP address (without brackets) that is dialled. */
  readonly host: string;
  readonly port: number;
  readonly hostHeader: string;
  /** The host name, or the IP address, that the certificate must be for. */
  readonly certificateName: string;
};

export type Exchange = {
  readonly method: string;
  /** The raw request target. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** From the beginning to the last byte of the answer. */
  readonly timeoutMs: number;
  /** The most bytes of the answer's body. */
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
};

export type ExchangeAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly bytes: Buffer };

/** Asks, and gives whatever was answered; redirects are answers like any other. Throws a RemoteUnreachable. */
export type HttpsExchange = (place: Place, exchange: Exchange) => Promise<ExchangeAnswer>;

export type HttpsOptions = {
  /** Gives none but addresses that may be connected to. */
  readonly lookup: LookupFunction;
  readonly mayConnect: AddressRule;
  /** Undefined for the public authorities. */
  readonly trust: SecureContext | undefined;
  readonly verifyCertificates: boolean;
  readonly connectionsPerServerMax: number;
  readonly userAgent: string;
};

const HEAD_BYTES_MAX = 32 * 1024;
const CONNECTIONS_MAX = 1_000;
const CONNECT_MS_MAX = 10_000;
/** Shorter than most servers keep a connection that is not used. */
const IDLE_MS = 20_000;

export function createHttpsExchange(options: HttpsOptions): HttpsExchange & Disposable {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: options.connectionsPerServerMax,
    maxTotalSockets: CONNECTIONS_MAX,
    maxFreeSockets: options.connectionsPerServerMax,
    scheduling: 'lifo',
    timeout: IDLE_MS,
    lookup: options.lookup,
    secureContext: options.trust,
    rejectUnauthorized: options.verifyCertificates,
  });
  const exchange: HttpsExchange = async (place, asked) => {
    // Names are judged by what they lead to.
    if (isIP(place.host) !== 0 && !options.mayConnect(place.host)) {
      throw new NotConnected(`${place.host} is no public address.`);
    }
    const deadline = AbortSignal.timeout(asked.timeoutMs);
    const signal = asked.signal === undefined ? deadline : AbortSignal.any([deadline, asked.signal]);
    const send = (): ClientRequest => open(agent, options.userAgent, place, asked, signal);
    try {
      return await answerOf(send(), asked).catch((error: unknown) => {
        // The other side may close a connection just when it is used again; nothing has reached it then.
        if (error instanceof StaleConnection) return answerOf(send(), asked);
        throw error;
      });
    } catch (error) {
      if (deadline.aborted) throw new RemoteUnreachable(`${place.hostHeader} did not answer in ${asked.timeoutMs} ms.`);
      if (signal.aborted) throw new RemoteUnreachable('Nobody waits for the answer any more.');
      throw explain(place, error);
    }
  };
  return Object.assign(exchange, { [Symbol.dispose]: () => agent.destroy() });
}

/** A kept connection that was closed while the request was under way. */
class StaleConnection extends Error {
  override name = 'StaleConnection';
}

/** The certificate was refused, or nothing listens, or the name leads nowhere. */
class ConnectFailure extends Error {
  override name = 'ConnectFailure';
}

function open(
  agent: Agent,
  userAgent: string,
  { host, port, hostHeader, certificateName }: Place,
  { method, target, headers, body }: Exchange,
  signal: AbortSignal,
): ClientRequest {
  return httpsRequest({
    agent,
    method,
    host,
    port,
    path: target,
    // An IP address is no name for SNI; the certificate is then compared with what is dialled.
    servername: isIP(certificateName) === 0 ? certificateName : '',
    setHost: false,
    maxHeaderSize: HEAD_BYTES_MAX,
    signal,
    headers: {
      host: hostHeader,
      'user-agent': userAgent,
      // What is not compressed cannot grow.
      'accept-encoding': 'identity',
      ...headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
  });
}

function answerOf(sent: ClientRequest, { body, bytesMax }: Exchange): Promise<ExchangeAnswer> {
  let isConnected = false;
  let timer: NodeJS.Timeout | undefined;
  return new Promise<ExchangeAnswer>((resolve, reject) => {
    sent.on('socket', (socket) => {
      isConnected = !socket.connecting;
      if (isConnected) return;
      timer = setTimeout(() => sent.destroy(new Error('no connection in time')), CONNECT_MS_MAX);
      socket.once('secureConnect', () => {
        isConnected = true;
        clearTimeout(timer);
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const isStale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      if (isStale) reject(new StaleConnection('The connection was closed.', { cause: error }));
      else reject(isConnected ? error : new ConnectFailure('There was no connection.', { cause: error }));
    });
    const read = async (response: IncomingMessage): Promise<ExchangeAnswer> => {
      const bytes = await readAnswer(response, bytesMax);
      return { status: response.statusCode ?? 0, headers: response.headers, bytes };
    };
    sent.on('response', (response) => {
      read(response).then(resolve, (error: Error) => {
        sent.destroy();
        reject(error);
      });
    });
    sent.end(body);
  });
}

function explain({ hostHeader }: Place, error: unknown): RemoteUnreachable {
  if (error instanceof RemoteUnreachable) return error;
  const cause = error instanceof ConnectFailure ? error.cause : error;
  const Unreachable = error instanceof ConnectFailure ? NotConnected : RemoteUnreachable;
  return new Unreachable(`${hostHeader} could not be asked: ${reasonOf(cause)}`, { cause });
}

/** Where several addresses were tried, the error of all of them says nothing itself. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

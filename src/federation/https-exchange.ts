/** Owns one HTTPS exchange with another machine: whom to dial, how long, how much is read, and which certificate is right. */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import type { AddressRule } from '#core/network/public-addresses.ts';

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
  readonly lookup: LookupFunction;
  readonly mayConnect: AddressRule;
  /** Authorities in PEM that are trusted beside the public ones. */
  readonly authorities: string | undefined;
  readonly verifyCertificates: boolean;
  readonly connectionsPerServerMax: number;
  readonly userAgent: string;
};

const HEAD_BYTES_MAX = 32 * 1024;
const CONNECTIONS_MAX = 1_000;
const IDLE_MS = 60_000;

export function createHttpsExchange(options: HttpsOptions): HttpsExchange & Disposable {
  const { lookup, mayConnect, verifyCertificates, userAgent } = options;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: options.connectionsPerServerMax,
    maxTotalSockets: CONNECTIONS_MAX,
    maxFreeSockets: options.connectionsPerServerMax,
    scheduling: 'lifo',
    timeout: IDLE_MS,
    secureContext: createTrust(options.authorities),
  });
  const exchange: HttpsExchange = async (place, asked) => {
    if (isIP(place.host) !== 0 && !mayConnect(place.host)) {
      throw new RemoteUnreachable(`${place.host} is no public address.`);
    }
    return new Promise<ExchangeAnswer>((resolve, reject) => {
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        asked.signal?.removeEventListener('abort', abort);
        sent.destroy();
        reject(error instanceof RemoteUnreachable ? error : unreachable(place, error));
      };
      const abort = (): void => fail(new RemoteUnreachable('Nobody waits for the answer any more.'));
      const timer = setTimeout(
        () => fail(new RemoteUnreachable(`${place.hostHeader} did not answer within ${asked.timeoutMs} ms.`)),
        asked.timeoutMs,
      );
      const sent = httpsRequest({
        agent,
        lookup,
        rejectUnauthorized: verifyCertificates,
        method: asked.method,
        host: place.host,
        port: place.port,
        path: asked.target,
        // An IP address is no name for SNI, and is then what the certificate is compared with.
        servername: isIP(place.certificateName) === 0 ? place.certificateName : '',
        setHost: false,
        maxHeaderSize: HEAD_BYTES_MAX,
        headers: {
          host: place.hostHeader,
          'user-agent': userAgent,
          // What is not compressed cannot grow.
          'accept-encoding': 'identity',
          ...asked.headers,
          ...(asked.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(asked.body)) }),
        },
      });
      sent.on('error', fail);
      const finish = async (response: IncomingMessage): Promise<void> => {
        try {
          const bytes = await collect(response, asked.bytesMax);
          clearTimeout(timer);
          asked.signal?.removeEventListener('abort', abort);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes });
        } catch (error) {
          fail(error);
        }
      };
      sent.on('response', (response) => void finish(response));
      if (asked.signal?.aborted === true) abort();
      else asked.signal?.addEventListener('abort', abort, { once: true });
      sent.end(asked.body);
    });
  };
  return Object.assign(exchange, { [Symbol.dispose]: () => agent.destroy() });
}

function collect(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const encoding = response.headers['content-encoding'];
    const length = Number(response.headers['content-length'] ?? 0);
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      reject(new RemoteUnreachable(`The answer is compressed (${encoding.slice(0, 40)}).`));
      return;
    }
    if (length > bytesMax) {
      reject(tooLarge(bytesMax));
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) reject(tooLarge(bytesMax));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks, bytes)));
    response.on('error', reject);
    response.on('close', () => reject(new RemoteUnreachable('The answer broke off.')));
  });
}

function tooLarge(bytesMax: number): RemoteUnreachable {
  return new RemoteUnreachable(`The answer has more than ${bytesMax} bytes.`);
}

function createTrust(authorities: string | undefined): SecureContext | undefined {
  // The store of authorities is parsed once: given as `ca` it would be with every connection.
  return authorities === undefined
    ? undefined
    : createSecureContext({ ca: [...getCACertificates('default'), authorities] });
}

function unreachable({ hostHeader }: Place, error: unknown): RemoteUnreachable {
  const reason = error instanceof Error ? error.message : String(error);
  return new RemoteUnreachable(`${hostHeader} could not be asked: ${reason}`, { cause: error });
}

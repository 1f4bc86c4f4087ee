/** Owns one keep-alive HTTP/1.1 connection of the load generator: one request at a time, as cheap as it can be. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { type HttpResponse, ResponseReader } from '#test/bench/response-reader.ts';

export type Target = { host: string; port: number };

/** Why a request failed, short enough to count by: `429 M_LIMIT_EXCEEDED`, `ECONNRESET`, `no answer`. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
}

type Waiting = { resolve: (response: HttpResponse) => void; reject: (error: RequestFailure) => void };

/** Longer than the longest poll that any row asks for. */
const answerTimeoutMs = 90_000;

/** Servers close idle connections (Node after 5 s); one that rested this long is opened anew rather than risked. */
const idleMsMax = 2_000;

const closedReason = 'closed by the benchmark';

/** Reads `http://host[:port]`; throws `Error` with a sentence for anything else. */
export function parseTarget(url: string): Target {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' || parsed.pathname !== '/') {
    throw new Error(`--url must look like http://host:port (no TLS, no path), not ${url}`);
  }
  return { host: parsed.hostname.replace(/^\[|\]$/g, ''), port: Number(parsed.port || 80) };
}

export class Connection implements Disposable {
  readonly #target: Target;
  readonly #hostLine: string;
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;
  #lastUsedMs = 0;
  #closed = false;

  constructor(target: Target) {
    this.#target = target;
    this.#hostLine = `Host: ${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}\r\n`;
  }

  /** `authorization` is a whole header line with its line end, or empty. Rejects with `RequestFailure` only. */
  request(method: string, path: string, authorization = '', body?: string): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== undefined) throw new Error('This connection is already waiting for an answer.');
      if (this.#closed) throw new RequestFailure(closedReason);
      this.#waiting = { resolve, reject };
      const content =
        body === undefined
          ? '\r\n'
          : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      this.#readySocket().write(`${method} ${path} HTTP/1.1\r\n${this.#hostLine}${authorization}${content}`);
    });
  }

  /** Closes the connection for good; a request that is waiting, and any later one, fails with `closed by the benchmark`. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#drop(closedReason);
  }

  #readySocket(): Socket {
    if (this.#socket !== undefined && performance.now() - this.#lastUsedMs > idleMsMax) {
      this.#socket.destroy();
      this.#socket = undefined;
    }
    this.#socket ??= this.#open();
    return this.#socket;
  }

  #open(): Socket {
    const socket = connect({ ...this.#target, noDelay: true });
    const reader = new ResponseReader();
    // A socket that was replaced may still report; only the present one may end the waiting request.
    const drop = (reason: string): void => {
      if (this.#socket === socket) this.#drop(reason);
    };
    socket.setTimeout(answerTimeoutMs, () => drop('no answer'));
    socket.on('error', (error) => drop('code' in error ? String(error.code) : error.message));
    socket.on('close', () => drop('connection closed by the server'));
    socket.on('data', (piece) => {
      try {
        const response = reader.push(piece);
        if (response !== undefined && this.#socket === socket) this.#answer(response);
      } catch (error) {
        drop(error instanceof Error ? error.message : String(error));
      }
    });
    return socket;
  }

  #answer(response: HttpResponse): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#lastUsedMs = performance.now();
    if (!response.reusable) this.#drop('');
    waiting?.resolve(response);
  }

  #drop(reason: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#socket?.destroy();
    this.#socket = undefined;
    waiting?.reject(new RequestFailure(reason));
  }
}

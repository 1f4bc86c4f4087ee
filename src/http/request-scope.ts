/** Owns one request as its handler sees it, and the abort signals of all requests in progress. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MatrixError } from '#matrix/error.ts';
import type { Caller, EndpointRequest } from '#http/endpoint.ts';
import { ClientGoneError } from '#http/read-body.ts';

/** The abort controllers that requests in progress have asked for; a stopping server aborts them all. */
export type LiveSignals = Set<AbortController>;

/** Ends the long polls of a server that stops; a handler that throws the reason answers 503. */
export function abortAll(live: LiveSignals): void {
  const reason = new MatrixError('M_UNKNOWN', 'The server is stopping; try again in a moment.', { status: 503 });
  for (const controller of live) controller.abort(reason);
}

/** The facts of a request, as the pipeline gathers them. */
export class RequestScope implements EndpointRequest<unknown, unknown, unknown, Caller | undefined> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly principal: Caller | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  readonly path: string;
  readonly #bytes: Buffer;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #live: LiveSignals;
  #signal: AbortSignal | undefined;

  constructor(
    facts: Pick<RequestScope, 'params' | 'query' | 'body' | 'principal' | 'remoteAddress' | 'requestId' | 'path'>,
    bytes: Buffer,
    request: IncomingMessage,
    response: ServerResponse,
    live: LiveSignals,
  ) {
    this.params = facts.params;
    this.query = facts.query;
    this.body = facts.body;
    this.principal = facts.principal;
    this.remoteAddress = facts.remoteAddress;
    this.requestId = facts.requestId;
    this.path = facts.path;
    this.#bytes = bytes;
    this.#request = request;
    this.#response = response;
    this.#live = live;
  }

  get bodyText(): string {
    return this.#bytes.toString('utf8');
  }

  get userAgent(): string | undefined {
    return this.#request.headers['user-agent'];
  }

  get host(): string | undefined {
    return this.#request.headers.host;
  }

  get origin(): string | undefined {
    return this.#request.headers.origin;
  }

  // Most requests are over before anybody could abort them, so the controller is made only when it is asked for.
  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    if (this.#response.destroyed) {
      controller.abort(new ClientGoneError('The client went away.'));
    } else {
      this.#live.add(controller);
      this.#response.once('close', () => {
        this.#live.delete(controller);
        if (!this.#response.writableFinished) controller.abort(new ClientGoneError('The client went away.'));
      });
    }
    return this.#signal;
  }
}

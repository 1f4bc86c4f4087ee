/** Owns what a handler may return besides a plain JSON object. */

/** An answer with a status, headers or a body that is JSON text already. Made by `answer` and `rawJson`. */
export class HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: object | string | Buffer | AsyncIterable<string>;

  constructor(
    status: number,
    headers: Readonly<Record<string, string>> | undefined,
    body: object | string | Buffer | AsyncIterable<string>,
  ) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** What a handler returns: an object, answered as JSON with 200, or an `HttpAnswer`. */
export type Answer = object;

/** An answer with its own status (200 unless given) or headers; `body` is `{}` unless given. */
export function answer(options: {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body?: object;
}): HttpAnswer {
  return new HttpAnswer(options.status ?? 200, options.headers, options.body ?? {});
}

/**
 * An answer whose body is JSON text (or its UTF-8 bytes) already, sent as it is: endpoints that splice stored
 * events into a response use it so that nothing is parsed and serialised again.
 */
export function rawJson(
  text: string | Buffer,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): HttpAnswer {
  return new HttpAnswer(options.status ?? 200, options.headers, text);
}

/**
 * An answer whose body is JSON text that is made while it is sent, in pieces, for answers too large to be held at once.
 * What the pieces throw breaks the connection, since the status has been sent: check before what can be checked.
 */
export function jsonPieces(pieces: AsyncIterable<string>): HttpAnswer {
  return new HttpAnswer(200, undefined, pieces);
}

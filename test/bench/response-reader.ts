/** Owns the reading of one HTTP/1.1 response out of the pieces in which a socket delivers it. */

/** A response as far as the benchmark looks at it. `reusable` says whether the connection may carry another request. */
export type HttpResponse = { status: number; body: string; reusable: boolean };

type Head = { status: number; bodyStart: number; bodyBytes: number | 'chunked'; reusable: boolean };

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/** Reads one response after another; what it is fed must not run into the next response (no pipelining). */
export class ResponseReader {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #head: Head | undefined;

  /** Takes a piece and returns the response once it is complete; throws `Error` on bytes that are not HTTP/1.1. */
  push(piece: Buffer): HttpResponse | undefined {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.#head ??= parseHead(this.#joined());
    const head = this.#head;
    if (head === undefined) return undefined;
    const body = head.bodyBytes === 'chunked' ? this.#chunkedBody(head) : this.#plainBody(head, head.bodyBytes);
    if (body === undefined) return undefined;
    this.#pieces = [];
    this.#bytes = 0;
    this.#head = undefined;
    return { status: head.status, body, reusable: head.reusable };
  }

  #joined(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [whole];
    return whole;
  }

  // A large body comes in hundreds of pieces: they are joined once, when all of it is there.
  #plainBody(head: Head, bodyBytes: number): string | undefined {
    const end = head.bodyStart + bodyBytes;
    if (this.#bytes < end) return undefined;
    if (this.#bytes > end) throw new Error('bytes after the end of a response');
    return this.#joined().toString('utf8', head.bodyStart, end);
  }

  #chunkedBody(head: Head): string | undefined {
    // Decoding from the start at every piece would be quadratic, so only what looks like the end is tried.
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.length >= lastChunk.length && !endsWith(last, lastChunk)) return undefined;
    const whole = this.#joined();
    return endsWith(whole, lastChunk) ? decodeChunks(whole, head.bodyStart) : undefined;
  }
}

function endsWith(buffer: Buffer, end: Buffer): boolean {
  return buffer.length >= end.length && buffer.compare(end, 0, end.length, buffer.length - end.length) === 0;
}

function parseHead(buffer: Buffer): Head | undefined {
  const end = buffer.indexOf(headEnd);
  if (end < 0) return undefined;
  const text = buffer.toString('latin1', 0, end);
  const status = Number(text.slice(9, 12));
  if (!text.startsWith('HTTP/1.1 ') || !(status >= 200)) {
    throw new Error(`unexpected start of a response: ${text.slice(0, 40)}`);
  }
  return {
    status,
    bodyStart: end + headEnd.length,
    bodyBytes: bodyBytesOf(status, text),
    reusable: !/\r\nconnection: *close/i.test(text),
  };
}

function bodyBytesOf(status: number, head: string): number | 'chunked' {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return Number(length);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return 'chunked';
  if (status === 204 || status === 304) return 0;
  throw new Error('a response with neither Content-Length nor chunks');
}

function decodeChunks(buffer: Buffer, bodyStart: number): string | undefined {
  const chunks: Buffer[] = [];
  let at = bodyStart;
  for (;;) {
    const lineEnd = buffer.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(buffer.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('a chunk without a size');
    if (size === 0) return Buffer.concat(chunks).toString('utf8');
    const start = lineEnd + 2;
    if (start + size > buffer.length) return undefined;
    chunks.push(buffer.subarray(start, start + size));
    at = start + size + 2;
  }
}

/** Owns writing answers: status, the headers that every answer carries, and JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MatrixError } from '#matrix/error.ts';
import { HttpAnswer, type Answer } from '#http/answer.ts';

/** Specification: Client-Server API, "Web Browser Clients". */
const corsHeaders = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Allow-Methods',
  'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers',
  'X-Requested-With, Content-Type, Authorization',
] as const;

const PREFLIGHT_SECONDS = '86400';
const KEEP_BYTES_MAX = 64 * 1024;
const DISCARD_BYTES_MAX = 1024 * 1024;
const DISCARD_MS_MAX = 1_000;

/** Answers with what a handler returned; gives the status. `failed` hears of a body that broke off while it was sent. */
export function renderAnswer(
  response: ServerResponse,
  requestId: string,
  answer: Answer,
  failed: (error: unknown) => void,
): number {
  if (!(answer instanceof HttpAnswer)) return write(response, requestId, 200, undefined, JSON.stringify(answer));
  const { body } = answer;
  if (isPieces(body)) {
    response.writeHead(answer.status, headerList(requestId, answer.headers, undefined));
    pipeline(Readable.from(body, { objectMode: false }), response).catch(failed);
    return answer.status;
  }
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return write(response, requestId, answer.status, answer.headers, payload);
}

function isPieces(body: object | string): body is AsyncIterable<string> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** Answers with the standard error response; gives the status. Specification: Client-Server API, "Standard error response". */
export function renderError(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  error: MatrixError,
  extraHeaders: Readonly<Record<string, string>> = {},
): number {
  const headers: Record<string, string> = { ...extraHeaders };
  const waitMs = error.fields['retry_after_ms'];
  if (typeof waitMs === 'number') headers['Retry-After'] = String(Math.max(1, Math.ceil(waitMs / 1000)));
  else if (error.status === 503) headers['Retry-After'] = '1';
  const unread = hasLongRest(request);
  if (unread) headers['Connection'] = 'close';
  const text = JSON.stringify(error.toBody());
  if (!unread) return write(response, requestId, error.status, headers, text);

  // The rest of the body is not wanted, but closing at once would reset the connection and could take the answer
  // with it. So the answer goes out whole, and the connection closes after a bounded amount has been thrown away.
  response.writeHead(error.status, headerList(requestId, headers, Buffer.byteLength(text)));
  response.write(text);
  discardRest(request, () => response.end());
  return error.status;
}

/** Answers OPTIONS, on any path: a browser could not read the 404 of an unknown one if its preflight failed. */
export function renderPreflight(response: ServerResponse): void {
  response.writeHead(204, [...corsHeaders, 'Access-Control-Max-Age', PREFLIGHT_SECONDS]);
  response.end();
}

/** A whole HTTP/1.1 error response, for sockets whose request could not even be parsed. */
export function errorResponseText(status: number, reason: string, error: MatrixError): string {
  const text = JSON.stringify(error.toBody());
  const lines = [`HTTP/1.1 ${status} ${reason}`, 'Connection: close', 'Content-Type: application/json'];
  lines.push(`Content-Length: ${Buffer.byteLength(text)}`);
  for (let index = 0; index < corsHeaders.length; index += 2) {
    lines.push(`${corsHeaders[index]}: ${corsHeaders[index + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}

function write(
  response: ServerResponse,
  requestId: string,
  status: number,
  headers: Readonly<Record<string, string>> | undefined,
  payload: string | Buffer,
): number {
  const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  response.writeHead(status, headerList(requestId, headers, bytes));
  response.end(payload);
  return status;
}

// One flat list is the quickest form that writeHead takes: no header is looked up, copied or set twice.
function headerList(
  requestId: string,
  headers: Readonly<Record<string, string>> | undefined,
  bytes: number | undefined,
): string[] {
  const list: string[] = [...corsHeaders, 'X-Request-Id', requestId];
  if (bytes !== undefined) list.push('Content-Length', String(bytes));
  let typed = false;
  if (headers !== undefined) {
    for (const [name, value] of Object.entries(headers)) {
      typed ||= name.toLowerCase() === 'content-type';
      list.push(name, value);
    }
  }
  if (!typed) list.push('Content-Type', 'application/json');
  return list;
}

/** Whether more of a body may come than is thrown away silently to keep the connection. */
function hasLongRest(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const { 'content-length': length, 'transfer-encoding': transfer } = request.headers;
  return transfer !== undefined || Number(length ?? 0) > KEEP_BYTES_MAX;
}

function discardRest(request: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const finish = (): void => {
    clearTimeout(timer);
    request.off('data', count).off('end', finish).off('close', finish);
    done();
  };
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > DISCARD_BYTES_MAX) finish();
  };
  const timer = setTimeout(finish, DISCARD_MS_MAX);
  request.on('data', count).on('end', finish).on('close', finish).resume();
}

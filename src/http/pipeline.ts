/** Owns the one way that every request takes: authenticate, rate limit, body, checks, handler, answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { QuotaShare, type Quota } from '#core/quota.ts';
import { randomToken } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import { readServerRequest, type ServerSeam } from '#http/admit-server.ts';
import { findAccessToken } from '#http/access-token.ts';
import { acceptsEmptyObject, readQuery, requireFitting } from '#http/check-input.ts';
import type { AccountState, Endpoint, Principal, RateLimitClass } from '#http/endpoint.ts';
import { decodeParams, type PathTemplate } from '#http/path-template.ts';
import { limitExceeded, type CheckRateLimit } from '#http/rate-limit.ts';
import { ClientGoneError, readBody } from '#http/read-body.ts';
import { addressGroup, type RemoteAddressOf } from '#http/remote-address.ts';
import { renderAnswer, renderError } from '#http/render.ts';
import type { RequestMetrics } from '#http/request-metrics.ts';
import { RequestScope, type LiveSignals } from '#http/request-scope.ts';
import type { ServerLimits } from '#http/server-limits.ts';
import { findUnavailable } from '#storage/overload.ts';

/** What is known of the caller besides the token. */
export type AuthenticationCall = { readonly remoteAddress: string; readonly userAgent: string | undefined };

/** Finds whose token it is. Throws M_UNKNOWN_TOKEN; the state of the account is judged by the pipeline. */
export type Authenticate = (token: string, call: AuthenticationCall) => Principal | Promise<Principal>;

/** Parses a body; numbers, depth and duplicate keys are judged on its bytes. */
export type ParseBody = (
  bytes: Buffer,
  numbers: 'canonical' | 'any',
) =>
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: 'not-json' | 'bad-json' | 'too-large'; readonly message: string };

/** What requests need, given once. */
export type PipelineParts = {
  readonly authenticate: Authenticate;
  readonly servers: ServerSeam;
  readonly parseBody: ParseBody;
  readonly checkRateLimit: CheckRateLimit;
  readonly serverLimits: ServerLimits;
  readonly remoteAddressOf: RemoteAddressOf;
  readonly metrics: RequestMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bodyBytesMax: number;
  /** The bytes of all bodies whose requests are not over. */
  readonly bodyBytes: Quota;
  readonly live: LiveSignals;
};

/** An endpoint under one of its paths. */
export type Route<Context> = { readonly endpoint: Endpoint<Context>; readonly template: PathTemplate };

/** Runs one request to its end. Never rejects. `search` is the query string without its question mark. */
export type RunRequest<Context> = (
  route: Route<Context>,
  segments: readonly string[],
  search: string,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

/** An id that is unique among all processes and starts, at the price of a counter. */
export function createRequestIds(): () => string {
  const prefix = randomToken(6);
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

export function createPipeline<Context>(
  context: Context,
  parts: PipelineParts,
  nextRequestId: () => string,
): RunRequest<Context> {
  return async (route, segments, search, request, response) => {
    const startedMs = parts.clock.monotonicMs();
    const requestId = nextRequestId();
    let outcome: string;
    using body = new QuotaShare(parts.bodyBytes);
    try {
      const scope = await admit(parts, route, segments, search, request, response, requestId, body);
      const result = await route.endpoint.handler(context, scope);
      const failed = (error: unknown): void => noteBrokenAnswer(parts, route.endpoint.operation, requestId, error);
      outcome = response.destroyed ? 'gone' : outcomeOf(renderAnswer(response, requestId, result, failed));
    } catch (error) {
      outcome = answerError(parts, route.endpoint.operation, request, response, requestId, error);
    }
    const tookMs = parts.clock.monotonicMs() - startedMs;
    const { operation } = route.endpoint;
    parts.metrics.observe(operation, outcome, tookMs / 1000);
    if (parts.logger.isLevelEnabled('debug')) {
      const status = outcome === 'gone' ? outcome : response.statusCode;
      parts.logger.debug({ requestId, operation, status, durationMs: Math.round(tookMs * 100) / 100 }, 'request');
    }
  };
}

/** Everything that must be true before the handler runs. */
async function admit<Context>(
  parts: PipelineParts,
  { endpoint, template }: Route<Context>,
  segments: readonly string[],
  search: string,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  bodyShare: QuotaShare,
): Promise<RequestScope> {
  const { headers } = request;
  const forwarded = headers['x-forwarded-for'];
  const remoteAddress = parts.remoteAddressOf(
    request.socket.remoteAddress,
    Array.isArray(forwarded) ? forwarded.join(',') : forwarded,
  );
  const given = search === '' ? undefined : new URLSearchParams(search);
  if (endpoint.auth === 'server') {
    const { bytes, body, principal } = await readServerRequest(parts, endpoint, request, bodyShare);
    parts.serverLimits.enter(principal.origin, response);
    limit(parts, endpoint.rateLimit, principal.origin);
    const params = decodeParams(template, segments);
    const query = endpoint.query === undefined ? undefined : readQuery(endpoint.query, given);
    const facts = { params, query, body, principal, remoteAddress, requestId, path: endpoint.path };
    return new RequestScope(facts, bytes, request, response, parts.live);
  }
  const call = { remoteAddress, userAgent: headers['user-agent'] };
  const principal = await identify(parts, endpoint, findCallerToken(endpoint, headers.authorization, given), call);
  limit(parts, endpoint.rateLimit, principal?.userId ?? addressGroup(remoteAddress));

  const params = decodeParams(template, segments);
  const query = endpoint.query === undefined ? undefined : readQuery(endpoint.query, given);
  let bytes: Buffer = noBytes;
  let body: unknown;
  if (endpoint.body !== undefined) {
    bytes = await readBody(request, parts.bodyBytesMax, bodyShare);
    body = parseAndCheck(parts, endpoint, endpoint.body, bytes);
  }
  const facts = { params, query, body, principal, remoteAddress, requestId, path: endpoint.path };
  return new RequestScope(facts, bytes, request, response, parts.live);
}

const noBytes = Buffer.alloc(0);

function findCallerToken<Context>(
  endpoint: Endpoint<Context>,
  authorization: string | undefined,
  given: URLSearchParams | undefined,
): string | undefined {
  return endpoint.auth === 'none' ? undefined : findAccessToken(authorization, given);
}

async function identify<Context>(
  parts: PipelineParts,
  endpoint: Endpoint<Context>,
  token: string | undefined,
  call: AuthenticationCall,
): Promise<Principal | undefined> {
  if (token === undefined) {
    if (endpoint.auth !== 'user') return undefined;
    throw new MatrixError('M_MISSING_TOKEN', 'This request needs an access token.');
  }
  const principal = await parts.authenticate(token, call);
  if (principal.accountState !== 'active' && endpoint.allow?.includes(principal.accountState) !== true) {
    throw shutOut(principal.accountState);
  }
  if (principal.isGuest && endpoint.guests !== true) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do this: register an account.');
  }
  return principal;
}

/** Specification: Client-Server API, "Account locking" and "Account suspension". */
function shutOut(state: Exclude<AccountState, 'active'>): MatrixError {
  return state === 'locked'
    ? new MatrixError('M_USER_LOCKED', 'This account is locked.', { fields: { soft_logout: true } })
    : new MatrixError('M_USER_SUSPENDED', 'This account is suspended and may not do this.');
}

function limit(parts: PipelineParts, limitClass: RateLimitClass, caller: string): void {
  const waitMs = parts.checkRateLimit(limitClass, caller);
  if (waitMs === 0) return;
  parts.metrics.countLimited(limitClass);
  throw limitExceeded(waitMs);
}

function parseAndCheck<Context>(
  parts: PipelineParts,
  endpoint: Endpoint<Context>,
  schema: NonNullable<Endpoint<Context>['body']>,
  bytes: Buffer,
): unknown {
  // Clients often send nothing where every key is optional.
  if (bytes.length === 0 && endpoint.bodyRequired !== true && acceptsEmptyObject(schema)) return {};
  const parsed = parts.parseBody(bytes, endpoint.numbers ?? 'any');
  if (!parsed.ok) throw new MatrixError(refusals[parsed.reason], parsed.message);
  requireFitting(schema, parsed.value, 'body');
  return parsed.value;
}

const refusals = { 'not-json': 'M_NOT_JSON', 'bad-json': 'M_BAD_JSON', 'too-large': 'M_TOO_LARGE' } as const;

/** Answers for whatever was thrown; gives the outcome. What the database cannot do right now is 503, and no fault. */
export function answerError(
  parts: Pick<PipelineParts, 'logger'>,
  operation: string,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  thrown: unknown,
): string {
  // Node's own functions throw an AbortError whose cause is the reason that the signal was given.
  const error = thrown instanceof Error && thrown.name === 'AbortError' ? (thrown.cause ?? thrown) : thrown;
  // A long poll that ends because its client left, or a body that never came whole: nobody is there to be told.
  if (response.destroyed || error instanceof ClientGoneError) return 'gone';
  const told = error instanceof MatrixError ? error : findUnavailable(error);
  let answer: MatrixError;
  if (told !== undefined) {
    answer = told;
    if (told.status >= 500) parts.logger.warn({ requestId, operation, err: told }, 'the request failed');
  } else {
    parts.logger.error({ requestId, operation, err: error }, 'the request failed unexpectedly');
    answer = new MatrixError('M_UNKNOWN', 'Internal server error.');
  }
  if (response.headersSent) {
    response.destroy();
    return '5xx';
  }
  return outcomeOf(renderError(request, response, requestId, answer));
}

function noteBrokenAnswer(
  { logger }: Pick<PipelineParts, 'logger'>,
  operation: string,
  requestId: string,
  error: unknown,
): void {
  // A client that leaves is no failure of ours.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
  logger.error({ requestId, operation, err: error }, 'an answer broke off');
}

function outcomeOf(status: number): string {
  return `${Math.floor(status / 100)}xx`;
}

/** Owns what must be true of a request of another server: its signature covers the body, so that the body is read first. */
import type { IncomingMessage } from 'node:http';
import type { QuotaShare } from '#core/quota.ts';
import type { ServerAuthenticator } from '#federation/authenticate-server.ts';
import { acceptsEmptyObject, requireFitting } from '#http/check-input.ts';
import type { Endpoint, ServerPrincipal } from '#http/endpoint.ts';
import { readBody } from '#http/read-body.ts';
import type { ServerLimits } from '#http/server-limits.ts';
import { MatrixError } from '#matrix/error.ts';
import { parseJsonBytes, parseJsonExactly } from '#matrix/parse-json.ts';
import type { JsonValue } from '#matrix/pdu.ts';

/** How servers are known, and how much they may send. */
export type ServerSeam = ServerAuthenticator & { readonly bodyBytesMax: number };

export type ServerRequest = {
  readonly bytes: Buffer;
  readonly body: unknown;
  readonly principal: ServerPrincipal;
};

// A transaction holds fifty events, and an event in 64 KiB may hold thousands of values.
const NODES_MAX = 1_000_000;
// One event that is nested too deeply is refused by itself: its sender would send the whole transaction for ever.
const DEPTH_MAX = 1_000;
const refusals = { 'not-json': 'M_NOT_JSON', 'bad-json': 'M_BAD_JSON', 'too-large': 'M_TOO_LARGE' } as const;

/**
 * Reads and checks the request. Throws M_UNAUTHORIZED without a right signature, M_LIMIT_EXCEEDED before the body is read of
 * a server that has asked too often, and for the body what other requests are told. Whether the body fits the endpoint is judged last: a stranger learns nothing of it.
 */
export async function readServerRequest(
  { servers, serverLimits }: { readonly servers: ServerSeam; readonly serverLimits: ServerLimits },
  endpoint: Pick<Endpoint<never>, 'body' | 'bodyRequired' | 'numbers'>,
  request: IncomingMessage,
  share: QuotaShare,
): Promise<ServerRequest> {
  const { authorization = [] } = request.headersDistinct;
  const claim = servers.readClaim(authorization);
  serverLimits.requireTimely(claim.origin);
  const bytes = await readBody(request, servers.bodyBytesMax, share);
  const parsed = bytes.length === 0 ? undefined : parseBody(bytes, servers.bodyBytesMax);
  const { method = '', url: target = '' } = request;
  const principal = await servers.checkClaim(claim, { method, target, content: parsed?.exact });
  return { bytes, body: requireBody(endpoint, parsed), principal };
}

type ParsedBody = {
  readonly value: JsonValue;
  /** The same with bigints, which is what is signed: events of old room versions hold integers of any size. */
  readonly exact: Parameters<ServerAuthenticator['checkClaim']>[1]['content'];
  readonly canonicalNumbers: boolean;
};

function parseBody(bytes: Buffer, bytesMax: number): ParsedBody {
  const parsed = parseJsonBytes(bytes, { bytesMax, numbers: 'any', nodesMax: NODES_MAX, depthMax: DEPTH_MAX });
  if (!parsed.ok) throw new MatrixError(refusals[parsed.reason], parsed.message);
  const { value, canonicalNumbers } = parsed;
  return { value, exact: canonicalNumbers ? value : parseJsonExactly(bytes.toString('utf8')), canonicalNumbers };
}

function requireBody(
  { body, bodyRequired, numbers }: Pick<Endpoint<never>, 'body' | 'bodyRequired' | 'numbers'>,
  parsed: ParsedBody | undefined,
): unknown {
  if (body === undefined) return undefined;
  if (parsed === undefined) {
    if (bodyRequired !== true && acceptsEmptyObject(body)) return {};
    throw new MatrixError('M_NOT_JSON', 'This request needs a JSON body.');
  }
  if (numbers === 'canonical' && !parsed.canonicalNumbers) {
    throw new MatrixError(
      'M_BAD_JSON',
      'The body has a number that is not an integer between -(2^53 - 1) and 2^53 - 1.',
    );
  }
  requireFitting(body, parsed.value, 'body');
  return parsed.value;
}

/** Owns asking another server in our name: whether it is asked now, the signature, and what its answer means. */
import { Quota, type Load } from '#core/quota.ts';
import type { BackOff } from '#federation/back-off.ts';
import type { ExchangeAnswer } from '#federation/https-exchange.ts';
import { BadAnswer, RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import type { Transport } from '#federation/transport.ts';
import { isServerName } from '#matrix/ids.ts';
import { parseJsonBytes, parseJsonExactly } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { signText } from '#matrix/signing-keys.ts';
import type { Signer } from '#matrix/signing.ts';
import { signedRequestText, writeXMatrix } from '#matrix/x-matrix.ts';

export type FederationRequest = {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** The raw request target: path and query, encoded. */
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
  readonly timeoutMs?: number;
  readonly bytesMax?: number;
  readonly signal?: AbortSignal;
  /** Asks a server that is left alone at present, too: for whoever goes by a schedule of their own. */
  readonly whileBackingOff?: true;
};

export type FederationClient = {
  /**
   * Asks another server. Throws a RemoteRefusal when it answered with an error, and a RemoteUnreachable for everything
   * else: it is not found, not trusted, too slow, answers too much or no HTTP, is left alone at present since it was not
   * reached before, is asked too much already, or this server does not federate.
   */
  readonly request: (
    destination: string,
    request: FederationRequest,
  ) => Promise<{ readonly status: 200; readonly bytes: Buffer }>;
};

export type FederationLimits = {
  /** For an answer, unless its asker says otherwise. */
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  /** Under way at a time, to all servers and to one. */
  readonly requestsMax: number;
  readonly requestsPerServerMax: number;
};

const ERROR_BYTES_MAX = 65_536;
const MESSAGE_LENGTH_MAX = 500;

export function createFederationClient(parts: {
  readonly transport: Transport;
  readonly backOff: BackOff;
  readonly signer: Signer;
  readonly isLocal: (id: string) => boolean;
  readonly isEnabled: boolean;
  readonly limits: FederationLimits;
}): FederationClient & { readonly load: Load } {
  const { backOff, limits } = parts;
  const load = new Quota('federation_requests', limits.requestsMax);
  const byServer = new Map<string, number>();

  const requireMayAsk = (destination: string, { whileBackingOff }: FederationRequest): void => {
    if (!parts.isEnabled) throw new RemoteUnreachable('This server has no name of its own and does not federate.');
    if (!isServerName(destination)) throw new RemoteUnreachable(`${destination.slice(0, 300)} is no server name.`);
    if (parts.isLocal(destination)) throw new RemoteUnreachable(`${destination} is this server itself.`);
    if (whileBackingOff !== true && backOff.waitMs(destination) > 0) {
      throw new RemoteUnreachable(`${destination} was not reached a moment ago, and is tried again later.`);
    }
    if ((byServer.get(destination) ?? 0) >= limits.requestsPerServerMax || !load.take()) {
      throw new RemoteUnreachable(`Too many requests to ${destination} or other servers are under way.`);
    }
    byServer.set(destination, (byServer.get(destination) ?? 0) + 1);
  };
  const leave = (destination: string): void => {
    load.give();
    const left = (byServer.get(destination) ?? 1) - 1;
    if (left > 0) byServer.set(destination, left);
    else byServer.delete(destination);
  };

  return {
    request: async (destination, request) => {
      requireMayAsk(destination, request);
      try {
        const answer = await send(parts, destination, request);
        if (answer.status !== 200) throw refusalOf(destination, answer);
        backOff.reached(destination);
        return { status: 200, bytes: answer.bytes };
      } catch (error) {
        if (error instanceof RemoteRefusal || error instanceof BadAnswer) backOff.reached(destination);
        else if (request.signal?.aborted !== true) backOff.failed(destination);
        throw error;
      } finally {
        leave(destination);
      }
    },
    load,
  };
}

function send(
  { transport, signer, limits }: { transport: Transport; signer: Signer; limits: FederationLimits },
  destination: string,
  { method, path: target, body, timeoutMs, bytesMax, signal }: FederationRequest,
): Promise<ExchangeAnswer> {
  const { serverName: origin, key } = signer;
  const content = body === undefined ? undefined : parseJsonExactly(body);
  const signature = signText(signedRequestText({ method, target, origin, destination, content }), key);
  const authorization = writeXMatrix({ origin, destination, keyId: key.keyId, signature });
  return transport(destination, {
    method,
    target,
    headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body,
    timeoutMs: timeoutMs ?? limits.timeoutMs,
    bytesMax: bytesMax ?? limits.answerBytesMax,
    signal,
  });
}

/** What is no error of Matrix's own, such as that of a proxy before a server that is down, says nothing of the request. */
function refusalOf(destination: string, { status, bytes }: { status: number; bytes: Buffer }): Error {
  const parsed = parseJsonBytes(bytes, { bytesMax: ERROR_BYTES_MAX, numbers: 'any' });
  const body = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {};
  const { errcode, error } = body;
  const code = typeof errcode === 'string' ? errcode.slice(0, MESSAGE_LENGTH_MAX) : undefined;
  if (status < 400 || (status >= 500 && code === undefined)) {
    return new RemoteUnreachable(`${destination} answered with status ${status}.`);
  }
  const message = typeof error === 'string' ? error.slice(0, MESSAGE_LENGTH_MAX) : `status ${status}`;
  return new RemoteRefusal(status, code, message, code === undefined ? {} : body);
}

/** Owns asking another server in our name: the signature, and what its answer means. */
import { RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
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
};

export type FederationClient = {
  /**
   * Asks another server. Throws a RemoteRefusal when it answered with an error, and a RemoteUnreachable for everything
   * else: it is not found, not trusted, too slow, answers too much or no HTTP, or this server does not federate.
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
};

const ERROR_BYTES_MAX = 65_536;
const MESSAGE_LENGTH_MAX = 500;

export function createFederationClient(parts: {
  readonly transport: Transport;
  readonly signer: Signer;
  readonly isLocal: (id: string) => boolean;
  readonly isEnabled: boolean;
  readonly limits: FederationLimits;
}): FederationClient {
  const { transport, signer, limits } = parts;
  return {
    request: async (destination, { method, path, body, timeoutMs, bytesMax, signal }) => {
      if (!parts.isEnabled) throw new RemoteUnreachable('This server has no name of its own and does not federate.');
      if (!isServerName(destination)) throw new RemoteUnreachable(`${destination.slice(0, 300)} is no server name.`);
      if (parts.isLocal(destination)) throw new RemoteUnreachable(`${destination} is this server itself.`);
      const answer = await transport(destination, {
        method,
        target: path,
        headers: {
          authorization: authorise(signer, destination, { method, target: path, body }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body,
        timeoutMs: timeoutMs ?? limits.timeoutMs,
        bytesMax: bytesMax ?? limits.answerBytesMax,
        signal,
      });
      if (answer.status === 200) return { status: 200, bytes: answer.bytes };
      throw refusalOf(destination, answer);
    },
  };
}

function authorise(
  { serverName, key }: Signer,
  destination: string,
  { method, target, body }: { method: string; target: string; body: string | undefined },
): string {
  // What we send we have written ourselves: it needs no checks.
  const content = body === undefined ? undefined : parseJsonExactly(body);
  const text = signedRequestText({ method, target, origin: serverName, destination, content });
  return writeXMatrix({ origin: serverName, destination, keyId: key.keyId, signature: signText(text, key) });
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
  return new RemoteRefusal(status, code, message, body);
}

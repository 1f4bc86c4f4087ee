/** Owns a scripted server: it has keys of its own, records what it is asked, and answers and asks whatever a test wants. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import { buffer, text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { ExactJsonValue, JsonObject, JsonValue } from '#matrix/pdu.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import { buildServerKeys } from '#matrix/server-keys.ts';
import { generateSigningKey, signText } from '#matrix/signing-keys.ts';
import { hashAndSignEvent, type Signer } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { signedRequestText, writeXMatrix } from '#matrix/x-matrix.ts';
import { issueCertificate, type Certificate } from '#test/support/certificate.ts';
import { testAuthority } from '#test/support/test-authority.ts';

/** What the peer was asked. */
export type PeerRequest = {
  readonly method: string;
  /** The raw request target. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The name that the caller expected of the certificate; false for none. */
  readonly sni: string | false | null | undefined;
  readonly bodyText: string;
  /** The JSON body; undefined when there is none. */
  readonly body: JsonValue | undefined;
};

export type PeerAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
  readonly bodyText: string;
};

/** Gives the JSON to be answered with 200, or `{ status, body }`; undefined when it has written the answer itself. */
export type PeerScript = (
  request: PeerRequest,
  response: ServerResponse,
) => JsonObject | PeerReply | undefined | Promise<JsonObject | PeerReply | undefined>;

/** An answer with a status of its own; `body` as text is sent as it is. */
export class PeerReply {
  readonly status: number;
  readonly body: JsonObject | string;

  constructor(status: number, body: JsonObject | string) {
    this.status = status;
    this.body = body;
  }
}

export type Peer = AsyncDisposable & {
  /** `peer.localhost:PORT`. */
  readonly name: string;
  readonly signer: Signer;
  /** All that it was asked so far, oldest first. */
  readonly requests: readonly PeerRequest[];
  /** Answers what matches: a path without its query, or an expression over the whole target. Later scripts win. */
  readonly answer: (method: string, target: string | RegExp, script: PeerScript) => void;
  /** Sends a signed request to a server. `headers` replace those that the peer would send. */
  readonly ask: (
    server: { readonly name: string },
    method: string,
    target: string,
    body?: JsonValue,
    headers?: Readonly<Record<string, string | string[]>>,
  ) => Promise<PeerAnswer>;
  /** The `Authorization` header of a request by this peer. */
  readonly authorise: (destination: string, method: string, target: string, body?: ExactJsonValue) => string;
  /** An event with hashes and the peer's signature, out of all other keys of a PDU. */
  readonly buildEvent: (pdu: JsonObject, roomVersion?: string) => ValidatedPdu;
  readonly userId: (localpart: string) => string;
};

/** Starts a peer that answers for its keys and nothing else, with a certificate for its host name unless another is given. */
export async function startPeer(
  hostname = 'peer.localhost',
  { certificate, key }: Certificate = issueCertificate(hostname, testAuthority),
): Promise<Peer> {
  const requests: PeerRequest[] = [];
  const scripts: { method: string; target: string | RegExp; script: PeerScript }[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const reply = async (): Promise<void> => {
      const bodyText = await text(request);
      const { method = '', url: target = '', headers } = request;
      const sni = request.socket instanceof TLSSocket ? request.socket.servername : undefined;
      const asked = { method, target, headers, sni, bodyText, body: bodyText === '' ? undefined : parse(bodyText) };
      requests.push(asked);
      const found = scripts.findLast((each) => each.method === method && isMatch(each.target, target));
      const unknown = new PeerReply(404, { errcode: 'M_UNRECOGNIZED', error: 'The script has no answer.' });
      const scripted = found === undefined ? unknown : await found.script(asked, response);
      if (scripted === undefined) return;
      const [status, body] = scripted instanceof PeerReply ? [scripted.status, scripted.body] : [200, scripted];
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    reply().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The peer does not listen.');
  const name = `${hostname}:${address.port}`;
  const signer: Signer = { serverName: name, key: generateSigningKey('peer') };
  const authorise: Peer['authorise'] = (destination, method, target, content) => {
    const signed = signedRequestText({ method, target, origin: name, destination, content });
    return writeXMatrix({
      origin: name,
      destination,
      keyId: signer.key.keyId,
      signature: signText(signed, signer.key),
    });
  };
  const peer: Peer = {
    name,
    signer,
    requests,
    answer: (method, target, script) => void scripts.push({ method, target, script }),
    authorise,
    ask: (to, method, target, body, headers = {}) =>
      exchange(to.name, method, target, body === undefined ? undefined : JSON.stringify(body), {
        authorization: authorise(to.name, method, target, body),
        ...headers,
      }),
    buildEvent: (pdu, roomVersion = '11') => {
      const version = roomVersions.get(roomVersion);
      if (version === undefined) throw new Error(`There is no room version ${roomVersion}.`);
      const verdict = validatePdu(JSON.stringify(hashAndSignEvent(pdu, version, signer)), version);
      if (!verdict.ok) throw new Error(verdict.message);
      return verdict.event;
    },
    userId: (localpart) => `@${localpart}:${name}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  peer.answer('GET', '/_matrix/key/v2/server', () =>
    buildServerKeys({ signer, expired: [] }, Date.now() + 24 * 3_600_000),
  );
  return peer;
}

/** One HTTPS request to a server below `localhost`, with nothing added. */
export async function exchange(
  serverName: string,
  method: string,
  target: string,
  body: string | undefined,
  headers: Readonly<Record<string, string | string[]>>,
): Promise<PeerAnswer> {
  const { hostname, port } = new URL(`https://${serverName}`);
  const sent = httpsRequest({
    host: '127.0.0.1',
    port,
    servername: hostname,
    ca: testAuthority.certificate,
    agent: false,
    method,
    path: target,
    headers: { host: serverName, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    signal: AbortSignal.timeout(30_000),
  });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const bodyText = (await buffer(response)).toString();
  const parsed = parse(bodyText);
  const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  return { status: response.statusCode, headers: response.headers, body: isObject ? parsed : {}, bodyText };
}

function isMatch(wanted: string | RegExp, target: string): boolean {
  return typeof wanted === 'string' ? target.split('?', 1)[0] === wanted : wanted.test(target);
}

function parse(json: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(json);
    return value;
  } catch {
    return undefined;
  }
}

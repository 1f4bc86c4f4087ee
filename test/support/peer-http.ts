/** Owns a peer's requests to a server that is reached by plain HTTP, as behind a reverse proxy, and by which a peer is trusted. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { JsonValue } from '#matrix/pdu.ts';
import { request, type Answer, type Query } from '#test/support/matrix-http.ts';
import type { Peer } from '#test/support/peer.ts';
import { testServerName } from '#test/support/server-process.ts';
import { testAuthority } from '#test/support/test-authority.ts';

/** The environment of a server that finds and trusts peers of this process. */
export function trustingPeers(directory: string): Record<string, string> {
  const file = path.join(directory, 'authority.pem');
  writeFileSync(file, testAuthority.certificate);
  return { CAUSEWAY_FEDERATION_CA_FILE: file, CAUSEWAY_NETWORK_ALLOW_RANGES: '127.0.0.0/8' };
}

export type PeerCall = {
  readonly method: string;
  /** Encoded, without a query. */
  readonly path: string;
  readonly query?: Query | undefined;
  readonly body?: unknown;
};

/** The raw request target of a call. */
export function targetOf({ path: pathname, query = {} }: PeerCall): string {
  const url = new URL(pathname, 'http://localhost');
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
  return url.pathname + url.search;
}

/** The body as the server will read it. */
export function contentOf({ body }: PeerCall): JsonValue | undefined {
  if (body === undefined) return undefined;
  const content: JsonValue = JSON.parse(JSON.stringify(body));
  return content;
}

/** Asks the server of a test process, signed by the peer unless another header is given. */
export function askAs(
  peer: Peer,
  baseUrl: string,
  call: PeerCall,
  authorization = peer.authorise(testServerName, call.method, targetOf(call), contentOf(call)),
): Promise<Answer> {
  const { method, path: pathname, query, body } = call;
  return request(baseUrl, method, pathname, {
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body }),
    headers: authorization === '' ? {} : { Authorization: authorization },
  });
}

/** Owns asking for a server's keys: the server itself, or those who are believed what its keys are. */
import { KEYS_BYTES_MAX, parseServerKeys, readServerKeys, type PublishedKeys } from '#federation/read-server-keys.ts';
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import type { Transport } from '#federation/transport.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';

const FETCH_MS = 15_000;
const NOTARY_BYTES_MAX = 4 * KEYS_BYTES_MAX;

/** The keys as their server publishes them. Throws a RemoteUnreachable. */
export async function fetchServerKeys(transport: Transport, serverName: string, now: number): Promise<PublishedKeys> {
  const limits = { timeoutMs: FETCH_MS, bytesMax: KEYS_BYTES_MAX };
  const answer = await transport(serverName, { method: 'GET', target: '/_matrix/key/v2/server', ...limits });
  const published = answer.status === 200 ? parseServerKeys(answer.bytes, serverName, now) : undefined;
  if (published === undefined) throw new RemoteUnreachable(`What ${serverName} answered are no keys of its own.`);
  return published;
}

/**
 * The keys of a server as a notary has them, if it has signed its answer: `isSigned` judges that. Throws a
 * RemoteUnreachable when it cannot be asked, or answers nothing that could be used.
 * Specification: Server-Server API, "Querying Keys Through Another Server".
 */
export async function fetchVouchedKeys(
  transport: Transport,
  notary: string,
  asked: { readonly serverName: string; readonly validUntilTs: number; readonly now: number },
  isSigned: (document: JsonObject) => Promise<boolean>,
): Promise<PublishedKeys> {
  const { serverName, validUntilTs, now } = asked;
  const criteria = { '': { minimum_valid_until_ts: validUntilTs } };
  const answer = await transport(notary, {
    method: 'POST',
    target: '/_matrix/key/v2/query',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ server_keys: { [serverName]: validUntilTs > now ? criteria : {} } }),
    timeoutMs: FETCH_MS,
    bytesMax: NOTARY_BYTES_MAX,
  });
  const parsed = parseJsonBytes(answer.bytes, { bytesMax: NOTARY_BYTES_MAX, numbers: 'any' });
  const list = parsed.ok && isJsonObject(parsed.value) ? parsed.value['server_keys'] : undefined;
  for (const document of Array.isArray(list) ? list : []) {
    if (!isJsonObject(document)) continue;
    const published = readServerKeys(document, serverName, now);
    if (published !== undefined && (await isSigned(document))) return published;
  }
  throw new RemoteUnreachable(`${notary} has no keys of ${serverName} that could be believed.`);
}

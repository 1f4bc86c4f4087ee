/** Owns asking several servers for one client, at the same time and not for long. */
import type { FederationClient, FederationRequest } from '#federation/federation-client.ts';
import { RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';

/** Servers that one request of a client asks at the same time. */
const SERVERS_AT_ONCE_MAX = 50;
const TIMEOUT_MS = 10_000;
const TIMEOUT_MS_MAX = 30_000;
const ANSWER_BYTES_MAX = 8 * 1_048_576;
/** About forty for each device with its keys. */
const ANSWER_NODES_MAX = 500_000;

/** What came of asking, by server: the answer, or what the client is told of the failure. */
export type ServerOutcome =
  | { readonly serverName: string; readonly answer: JsonObject }
  | { readonly serverName: string; readonly failure: { readonly errcode: string; readonly error: string } };

export type ServerQuestion = { readonly serverName: string; readonly request: FederationRequest };

/**
 * Asks each server once. Whoever has not answered after `timeoutMs`, which a client may choose within bounds, has failed;
 * so have those whose turn has not come by then. Never rejects for what a server does.
 */
export async function askServers(
  client: FederationClient,
  questions: readonly ServerQuestion[],
  timeoutMs: number | undefined,
): Promise<ServerOutcome[]> {
  if (questions.length === 0) return [];
  const boundMs = Math.min(Math.max(timeoutMs ?? TIMEOUT_MS, 0), TIMEOUT_MS_MAX);
  const signal = AbortSignal.timeout(boundMs);
  const waiting = questions.values();
  const outcomes: ServerOutcome[] = [];
  const lane = async (): Promise<void> => {
    for (const { serverName, request } of waiting) {
      outcomes.push(await ask(client, serverName, { ...request, timeoutMs: boundMs, signal }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(SERVERS_AT_ONCE_MAX, questions.length) }, lane));
  return outcomes;
}

async function ask(client: FederationClient, serverName: string, request: FederationRequest): Promise<ServerOutcome> {
  if (request.signal?.aborted === true) return failed(serverName, 'The server was not asked in time.');
  try {
    return { serverName, answer: await fetchJson(client, serverName, request) };
  } catch (error) {
    if (error instanceof RemoteRefusal) return failed(serverName, error.message, error.errcode);
    if (error instanceof RemoteUnreachable) return failed(serverName, error.message);
    throw error;
  }
}

/** Asks a server for an object. Throws a RemoteRefusal or a RemoteUnreachable, the latter for what is no such answer too. */
export async function fetchJson(
  client: FederationClient,
  serverName: string,
  request: FederationRequest,
): Promise<JsonObject> {
  const { bytes } = await client.request(serverName, { bytesMax: ANSWER_BYTES_MAX, ...request });
  const parsed = parseJsonBytes(bytes, { bytesMax: ANSWER_BYTES_MAX, nodesMax: ANSWER_NODES_MAX, numbers: 'any' });
  if (!parsed.ok) throw new RemoteUnreachable(`${serverName} gave an answer that cannot be read: ${parsed.message}`);
  if (!isJsonObject(parsed.value)) throw new RemoteUnreachable(`${serverName} gave an answer that is no object.`);
  return parsed.value;
}

function failed(serverName: string, error: string, errcode = 'M_UNKNOWN'): ServerOutcome {
  return { serverName, failure: { errcode, error } };
}

/** What is asked of users, by the server that they are of; what is no id of a user is left out. */
export function groupByServer<Asked>(byUser: Readonly<Record<string, Asked>>): Map<string, [string, Asked][]> {
  const valid = Object.entries(byUser).filter(([userId]) => isUserId(userId));
  return Map.groupBy(valid, ([userId]) => serverNameOf(userId) ?? '');
}

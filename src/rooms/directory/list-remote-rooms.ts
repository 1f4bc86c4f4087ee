/** Owns reading the directory of another server. */
import type { FederationClient } from '#federation/federation-client.ts';
import { isRemoteFailure, RemoteRefusal } from '#federation/remote-errors.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { PublicRoomsRequest } from '#rooms/directory/list-public-rooms.ts';
import { readSummary } from '#rooms/spaces/remote-rooms.ts';
import { fetchJson } from '#users/remote/ask-servers.ts';

const ANSWER_MS = 10_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const TOKEN_LENGTH_MAX = 10_000;
const path = '/_matrix/federation/v1/publicRooms';

/**
 * A page of the directory, as that server tells it. Throws M_FORBIDDEN where it refuses, and M_UNKNOWN with status 502 where
 * it cannot be asked. Specification: Server-Server API, "Published Room Directory".
 */
export async function listRemoteRooms(
  { federation }: { readonly federation: { readonly client: FederationClient } },
  serverName: string,
  request: PublicRoomsRequest,
): Promise<JsonObject> {
  const answer = await ask(federation.client, serverName, request);
  const { chunk, next_batch: next, prev_batch: previous, total_room_count_estimate: total } = answer;
  const isToken = (value: unknown): value is string => typeof value === 'string' && value.length <= TOKEN_LENGTH_MAX;
  return {
    chunk: (Array.isArray(chunk) ? chunk : []).slice(0, request.limit).flatMap((room) => readSummary(room) ?? []),
    ...(isToken(next) && { next_batch: next }),
    ...(isToken(previous) && { prev_batch: previous }),
    ...(typeof total === 'number' && Number.isSafeInteger(total) && total >= 0 && { total_room_count_estimate: total }),
  };
}

async function ask(client: FederationClient, serverName: string, request: PublicRoomsRequest): Promise<JsonObject> {
  const { limit, since, searchTerm, roomTypes } = request;
  const limits = { timeoutMs: ANSWER_MS, bytesMax: ANSWER_BYTES_MAX };
  const page = { limit, ...(since !== undefined && { since }) };
  const filter = {
    ...(searchTerm !== undefined && { generic_search_term: searchTerm }),
    ...(roomTypes !== undefined && { room_types: roomTypes }),
  };
  const query = new URLSearchParams({ limit: String(limit), ...(since !== undefined && { since }) });
  const isFiltered = Object.keys(filter).length > 0;
  const question = isFiltered
    ? ({ method: 'POST', path, body: JSON.stringify({ ...page, filter }) } as const)
    : ({ method: 'GET', path: `${path}?${query.toString()}` } as const);
  try {
    return await fetchJson(client, serverName, { ...question, ...limits });
  } catch (error) {
    if (error instanceof RemoteRefusal && error.status < 500) {
      throw new MatrixError('M_FORBIDDEN', `${serverName} does not show its directory: ${error.message}`, {
        cause: error,
      });
    }
    if (!isRemoteFailure(error)) throw error;
    const sentence = `${serverName} cannot be asked for its directory now: ${error.message}`;
    throw new MatrixError('M_UNKNOWN', sentence, { status: 502, cause: error });
  }
}

/** Owns which room an alias leads to, of this server or of another one, and which servers know the room. */
import type { Clock } from '#core/clock.ts';
import type { Federation } from '#federation/federation.ts';
import { isRemoteFailure, RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import { MatrixError } from '#matrix/error.ts';
import { isRoomAlias, isRoomId, isServerName, serverNameOf } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { requireAlias, type AliasParts } from '#rooms/aliases/find-alias.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';

export type ResolveParts = AliasParts & {
  readonly federation: Pick<Federation, 'client' | 'isEnabled'>;
  readonly ownKeys: { readonly signer: { readonly serverName: string } };
  readonly clock: Clock;
};

export type ResolvedRoom = { readonly roomId: string; readonly servers: readonly string[] };

const ANSWER_MS = 10_000;
const ANSWER_BYTES_MAX = 1_000_000;
const SERVERS_MAX = 50;

/**
 * The room and servers that are in it, the alias's own first. Throws M_INVALID_PARAM for what is no alias, M_NOT_FOUND for
 * one that leads nowhere, M_UNKNOWN with status 502 where its server cannot be asked.
 * Specification: Server-Server API, "Querying for information", `GET /query/directory`.
 */
export async function resolveAlias(parts: ResolveParts, alias: string): Promise<ResolvedRoom> {
  const server = isRoomAlias(alias) && !parts.isLocal(alias) ? serverNameOf(alias) : undefined;
  if (server !== undefined && parts.federation.isEnabled) return askForAlias(parts, server, alias);
  const { roomId, roomNid } = await requireAlias(parts, alias);
  const own = parts.ownKeys.signer.serverName;
  const others = (await findServersInRoom(parts.database, roomNid)).filter((name) => name !== own);
  return { roomId, servers: [own, ...others].slice(0, SERVERS_MAX) };
}

/** The room that a user named by id or by alias. Throws as `resolveAlias` does. */
export async function resolveRoom(parts: ResolveParts, roomIdOrAlias: string): Promise<ResolvedRoom> {
  if (roomIdOrAlias.startsWith('#')) return resolveAlias(parts, roomIdOrAlias);
  if (isRoomId(roomIdOrAlias)) return { roomId: roomIdOrAlias, servers: [] };
  throw new MatrixError('M_INVALID_PARAM', `"${roomIdOrAlias}" is neither a room id nor an alias.`);
}

async function askForAlias({ federation }: ResolveParts, server: string, alias: string): Promise<ResolvedRoom> {
  const path = `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(alias)}`;
  const limits = { timeoutMs: ANSWER_MS, bytesMax: ANSWER_BYTES_MAX };
  try {
    const { bytes } = await federation.client.request(server, { method: 'GET', path, ...limits });
    const parsed = parseJsonBytes(bytes, { bytesMax: ANSWER_BYTES_MAX, numbers: 'any' });
    const { room_id: roomId, servers } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {};
    if (typeof roomId !== 'string' || !isRoomId(roomId)) throw new RemoteUnreachable('It answered without a room id.');
    const named = Array.isArray(servers) ? servers : [];
    const usable = named.flatMap((name) => (typeof name === 'string' && isServerName(name) ? [name] : []));
    return { roomId, servers: [...new Set([server, ...usable])].slice(0, SERVERS_MAX) };
  } catch (error) {
    if (error instanceof RemoteRefusal && error.status === 404) {
      throw new MatrixError('M_NOT_FOUND', `There is no room with the alias ${alias}.`, { cause: error });
    }
    if (!isRemoteFailure(error)) throw error;
    const message = `${server} could not be asked for the alias: ${error.message}`;
    throw new MatrixError('M_UNKNOWN', message, { status: 502, cause: error });
  }
}

/** Owns the check that a room goes by aliases that lead to it. */
import { MatrixError } from '#matrix/error.ts';
import { isRoomAlias } from '#matrix/ids.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { resolveAlias, type ResolveParts } from '#rooms/aliases/resolve-alias.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { findAliases } from '#storage/rooms/find-aliases.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';

const ALIASES_MAX = 200;
/** Aliases of other servers that are asked for at a time. */
const REMOTE_MAX = 20;

/**
 * Passes content of `m.room.canonical_alias` whose aliases lead to the room, those apart that stood there before.
 * M_INVALID_PARAM for what is no alias, M_BAD_ALIAS for one that leads elsewhere or nowhere.
 * Specification: Client-Server API, `PUT /rooms/{roomId}/state/{eventType}/{stateKey}`, 400.
 */
export async function requireOwnAliases(
  parts: RoomReadParts & ResolveParts,
  roomId: string,
  content: JsonObject,
): Promise<void> {
  const room = await findRoom(parts.database, roomId);
  const head = room === undefined ? undefined : await findHead(parts.database, room.roomNid);
  // There is no such room, which the writer says.
  if (room === undefined || head === undefined) return;
  const event = await findStateEvent(parts, room.roomNid, head.stateRoot, 'm.room.canonical_alias', '');
  const before = event === undefined ? {} : contentOf(event, room.version);
  const added = requireAliases(content, new Set([before['alias'], ...listOf(before['alt_aliases'])]));
  const remote = added.filter((alias) => !parts.isLocal(alias));
  if (remote.length > REMOTE_MAX) {
    throw new MatrixError('M_INVALID_PARAM', `At most ${REMOTE_MAX} aliases of other servers can be added at once.`);
  }
  const found = await findAliases(parts.database, added);
  const elsewhere = new Map(
    await Promise.all(remote.map(async (alias) => [alias, await askFor(parts, alias)] as const)),
  );
  for (const alias of added) {
    if (found.get(alias)?.roomNid === room.roomNid || elsewhere.get(alias) === roomId) continue;
    throw new MatrixError('M_BAD_ALIAS', `The alias ${alias} does not lead to this room.`);
  }
}

/** The room that an alias of another server leads to; undefined where it leads nowhere, or the server cannot say. */
async function askFor(parts: ResolveParts, alias: string): Promise<string | undefined> {
  try {
    return (await resolveAlias(parts, alias)).roomId;
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

/**
 * The aliases that the content names, besides those that stood there before, whatever they are. An absent, empty or null
 * `alias` says that the room goes by none.
 */
export function requireAliases(
  { alias, alt_aliases: others }: JsonObject,
  before: ReadonlySet<JsonValue | undefined> = new Set(),
): string[] {
  const all = [...(alias === undefined || alias === null || alias === '' ? [] : [alias]), ...requireList(others)];
  if (all.length > ALIASES_MAX)
    throw new MatrixError('M_INVALID_PARAM', `A room goes by ${ALIASES_MAX} aliases at most.`);
  return all.flatMap((one) => {
    if (before.has(one)) return [];
    if (typeof one === 'string' && isRoomAlias(one)) return one;
    throw new MatrixError('M_INVALID_PARAM', `${JSON.stringify(one)} is not a room alias.`);
  });
}

function requireList(value: JsonValue | undefined): readonly JsonValue[] {
  if (value === undefined || value === null || Array.isArray(value)) return listOf(value);
  throw new MatrixError('M_INVALID_PARAM', '"alt_aliases" must be a list of room aliases.');
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** Owns finding the room that an alias leads to. */
import { MatrixError } from '#matrix/error.ts';
import { isRoomAlias } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findAliases, type RoomAlias } from '#storage/rooms/find-aliases.ts';

export type AliasParts = { readonly database: ReadTx; readonly isLocal: (id: string) => boolean };

/** Throws M_INVALID_PARAM for what is no alias, M_NOT_FOUND for one that leads nowhere that this server knows of. */
export async function requireAlias(parts: AliasParts, alias: string): Promise<RoomAlias> {
  if (!isRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', `"${alias}" is not a room alias.`);
  const found = parts.isLocal(alias) ? (await findAliases(parts.database, [alias])).get(alias) : undefined;
  if (found === undefined) throw new MatrixError('M_NOT_FOUND', `There is no room with the alias ${alias}.`);
  return found;
}

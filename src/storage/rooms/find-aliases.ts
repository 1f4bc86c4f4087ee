/** Owns reading which room a name of this server's leads to. */
import { statement, type ReadTx } from '#storage/database.ts';

export type RoomAlias = {
  readonly alias: string;
  readonly roomNid: number;
  readonly roomId: string;
  readonly creatorNid: number;
};

const selectAliases = statement<{ alias: string; room_nid: number; room_id: string; creator_nid: number }>(
  'select_room_aliases',
  `select alias, room_nid, room_id, creator_nid from room_aliases join rooms using (room_nid)
   where alias = any($1::text[])`,
);
const selectOfRoom = statement<{ alias: string }>(
  'select_aliases_of_room',
  `select alias from room_aliases where room_nid = $1 order by created_at, alias limit $2`,
);

/** Those of the aliases that exist, by name. */
export async function findAliases(db: ReadTx, aliases: readonly string[]): Promise<ReadonlyMap<string, RoomAlias>> {
  if (aliases.length === 0) return new Map();
  const rows = await db.query(selectAliases, [aliases]);
  return new Map(
    rows.map((row) => [
      row.alias,
      { alias: row.alias, roomNid: row.room_nid, roomId: row.room_id, creatorNid: row.creator_nid },
    ]),
  );
}

/** Up to `limit` aliases of a room, the oldest first. */
export async function findAliasesOfRoom(db: ReadTx, roomNid: number, limit: number): Promise<string[]> {
  return (await db.query(selectOfRoom, [roomNid, limit])).map((row) => row.alias);
}

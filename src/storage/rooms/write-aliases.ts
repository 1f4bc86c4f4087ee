/** Owns writing which room a name of this server's leads to. */
import { statement, type Tx } from '#storage/database.ts';

const insert = statement<{ alias: string }>(
  'insert_room_alias',
  `insert into room_aliases (alias, room_nid, creator_nid, created_at) values ($1, $2, $3, $4)
   on conflict (alias) do nothing returning alias`,
);
const remove = statement<{ alias: string }>(
  'delete_room_alias',
  `delete from room_aliases where alias = $1 and room_nid = $2 returning alias`,
);
const move = statement<unknown>('move_room_aliases', `update room_aliases set room_nid = $2 where room_nid = $1`);

export type NewAlias = {
  readonly alias: string;
  readonly roomNid: number;
  readonly creatorNid: number;
  readonly createdAt: number;
};

/** Whether the name was free. */
export async function writeAlias(tx: Tx, { alias, roomNid, creatorNid, createdAt }: NewAlias): Promise<boolean> {
  return (await tx.query(insert, [alias, roomNid, creatorNid, createdAt])).length > 0;
}

/** Whether the name led to the room until now. */
export async function removeAlias(tx: Tx, alias: string, roomNid: number): Promise<boolean> {
  return (await tx.query(remove, [alias, roomNid])).length > 0;
}

/** Every name of one room leads to another from now on; creators stay. */
export async function moveAliases(tx: Tx, fromNid: number, toNid: number): Promise<void> {
  await tx.query(move, [fromNid, toNid]);
}

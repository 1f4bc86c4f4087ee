/** Owns what the collection of state nodes reads, and the removal of those that no state needs. */
import { statement, type ReadTx } from '#storage/database.ts';
import { decodeNode } from '#storage/rooms/trie-node.ts';

const selectNids = statement<{ node_nid: number }>(
  'select_state_node_nids',
  'select node_nid from state_nodes where room_nid = $1 and node_nid > $2 order by node_nid limit $3',
);

/** The room's nodes after `afterNid`, ascending. */
export async function findNodeNids(db: ReadTx, roomNid: number, afterNid: number, limit: number): Promise<number[]> {
  return (await db.query(selectNids, [roomNid, afterNid, limit])).map((row) => row.node_nid);
}

// One statement, and so one moment. Packed, since a room may have a million states: a row object each would take a
// hundred bytes. It reads every event of the room, which may take seconds, but holds nobody up.
const selectRoots = statement<{ roots: Buffer }>(
  'select_state_roots',
  `select string_agg(int8send(root), ''::bytea) as roots from (
     select state_root as root from room_heads where room_nid = $1
     union select state_before from events where room_nid = $1
   ) as r where root > 0 group by root / 100000`,
);

/** The roots of all states that the room has at one moment: before its events, and at its heads. */
export async function findStateRoots(db: ReadTx, roomNid: number): Promise<number[]> {
  const roots: number[] = [];
  for (const { roots: packed } of await db.query(selectRoots, [roomNid])) {
    for (let at = 0; at < packed.length; at += 8) {
      roots.push(packed.readUInt32BE(at) * 0x1_0000_0000 + packed.readUInt32BE(at + 4));
    }
  }
  return roots;
}

const selectInner = statement<{ inner: Buffer | null }>(
  'select_inner_state_nodes',
  `select case when get_byte(entries, 0) = 1 then entries end as inner
   from state_nodes where room_nid = $1 and node_nid = any($2::bigint[])`,
);

/** The children of these nodes. Throws if one of the nodes is not there. */
export async function findChildNids(db: ReadTx, roomNid: number, nodeNids: readonly number[]): Promise<number[]> {
  const rows = await db.query(selectInner, [roomNid, nodeNids]);
  if (rows.length < nodeNids.length) {
    throw new Error(`${nodeNids.length - rows.length} state nodes of room ${roomNid} are missing.`);
  }
  const children: number[] = [];
  for (const { inner } of rows) {
    const node = inner === null ? undefined : decodeNode(inner);
    if (node?.kind === 'inner') for (const child of node.children) if (child !== 0) children.push(child);
  }
  return children;
}

// What another collection is deleting at this moment is left to it: two that wait for each other's rows would be a deadlock.
const deleteNodes = statement<unknown>(
  'delete_state_nodes',
  `delete from state_nodes where room_nid = $1 and node_nid in (
     select node_nid from state_nodes where room_nid = $1 and node_nid = any($2::bigint[]) for update skip locked
   )`,
);

export async function deleteStateNodes(db: ReadTx, roomNid: number, nodeNids: readonly number[]): Promise<void> {
  await db.query(deleteNodes, [roomNid, nodeNids]);
}

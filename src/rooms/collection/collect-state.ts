/** Owns finding and removing the nodes of a room's state tries that no state needs any more, while the room is written. */
import { StrikeList } from '#core/strike-list.ts';
import type { ReadTx } from '#storage/database.ts';
import { findPartialRooms } from '#storage/rooms/partial-rooms.ts';
import { deleteStateNodes, findChildNids, findNodeNids, findStateRoots } from '#storage/rooms/collect-nodes.ts';

const LISTED_AT_ONCE = 10_000;
/** Nodes that are read or deleted by one statement, which takes some 10 ms. */
const NODES_AT_ONCE = 1_000;
/** Some 130 MB of memory: fifty times the nodes of a room with 50,000 members and 10,000 states. */
const NODES_MAX = 8_000_000;

/** How many nodes the room had, and how many of them were removed. */
export type CollectedState = { readonly found: number; readonly removed: number };

/**
 * Gives back control after each statement. It takes no lock, writes nothing, and may be given up and begun anew at any
 * moment; two at once do no harm. What makes that right: first the nodes are listed and then, at one moment, the roots. A
 * node of the list that no root reaches at that moment is never reached again, since new states are made of states that
 * are there when they are written, or of nodes that are not on the list (decision 0031). Throws when a node is missing,
 * which another collection may have removed: then this one is too old to be of use.
 */
export async function* collectState(database: ReadTx, roomNid: number): AsyncGenerator<undefined, CollectedState> {
  const nodes = new StrikeList();
  for (let afterNid = 0; ;) {
    const page = await findNodeNids(database, roomNid, afterNid, LISTED_AT_ONCE);
    for (const nid of page) nodes.add(nid);
    if (nodes.size > NODES_MAX) throw new Error(`Room ${roomNid} has more than ${NODES_MAX} state nodes.`);
    afterNid = page.at(-1) ?? 0;
    if (page.length < LISTED_AT_ONCE) break;
    yield;
  }
  const found = nodes.size;
  yield;
  // States that are being made whole have nodes already, and no roots yet. Whoever completes the room asks for a collection.
  if ((await findPartialRooms(database, [roomNid])).has(roomNid)) return { found, removed: 0 };
  const open = (await findStateRoots(database, roomNid)).filter((root) => nodes.strike(root));
  while (open.length > 0) {
    yield;
    const children = await findChildNids(database, roomNid, open.splice(-NODES_AT_ONCE));
    for (const child of children) if (nodes.strike(child)) open.push(child);
  }
  const unneeded = [...nodes.left()];
  for (let at = 0; at < unneeded.length; at += NODES_AT_ONCE) {
    yield;
    await deleteStateNodes(database, roomNid, unneeded.slice(at, at + NODES_AT_ONCE));
  }
  return { found, removed: unneeded.length };
}

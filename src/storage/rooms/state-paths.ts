/** Owns reading the nodes of a state trie that lead to some of its keys. */
import { statement, type ReadTx } from '#storage/database.ts';
import { decodeNode, levelsPerHash, slotOf, slotsFrom, type TrieNode } from '#storage/rooms/trie-node.ts';

// A node for each level of each path, by key; paths share their first nodes.
const selectPaths = statement<{ node_nid: number; entries: Buffer }>(
  'select_state_paths',
  `select p.o_node as node_nid, p.o_entries as entries
   from unnest($2::bigint[], $3::bigint[], $4::integer[]) as k(node, hash, levels)
   cross join lateral state_path($1, k.node, k.hash, k.levels) as p`,
);

type Parts = {
  readonly secret: number;
  /** A node that is in memory. */
  readonly findNode: (nid: number) => TrieNode | undefined;
  readonly remember: (nid: number, node: TrieNode) => void;
};

/** `root` is a node's nid, 0 for the empty state. */
type Paths = { readonly roomNid: number; readonly root: number; readonly keyNids: readonly number[] };

/**
 * The nodes on the ways to these keys, by their nids, for as long as nothing is waited for. What is not in memory is read in
 * one round trip, unless a way is longer than a hash. Throws an error if a node is missing.
 */
export async function loadPaths(
  db: ReadTx,
  { secret, findNode: findInMemory, remember }: Parts,
  { roomNid, root, keyNids }: Paths,
): Promise<(nid: number) => TrieNode> {
  const loaded = new Map<number, TrieNode>();
  const findNode = (nid: number): TrieNode | undefined => loaded.get(nid) ?? findInMemory(nid);
  for (;;) {
    const ends = keyNids
      .map((keyNid) => findEnd({ root, keyNid, secret }, findNode))
      .filter((end) => end !== undefined);
    if (ends.length === 0) break;
    const nids = ends.map(({ nid }) => nid);
    const hashes = ends.map(({ keyNid, level }) => slotsFrom(keyNid, level, secret));
    const levels = ends.map(({ level }) => levelsPerHash - (level % levelsPerHash));
    for (const { node_nid: nid, entries } of await db.query(selectPaths, [roomNid, nids, hashes, levels])) {
      if (loaded.has(nid)) continue;
      const node = decodeNode(entries);
      loaded.set(nid, node);
      remember(nid, node);
    }
    for (const nid of nids) if (!loaded.has(nid)) throw missingNode(roomNid, nid);
  }
  return (nid) => {
    const node = findNode(nid);
    if (node === undefined) throw missingNode(roomNid, nid);
    return node;
  };
}

export function missingNode(roomNid: number, nid: number): Error {
  return new Error(`State node ${nid} of room ${roomNid} is missing.`);
}

/** Where the way to a key leads out of the nodes at hand; undefined if it ends within them. */
function findEnd(
  { root, keyNid, secret }: { readonly root: number; readonly keyNid: number; readonly secret: number },
  findNode: (nid: number) => TrieNode | undefined,
): { readonly nid: number; readonly keyNid: number; readonly level: number } | undefined {
  let nid = root;
  for (let level = 0; nid !== 0; level++) {
    const node = findNode(nid);
    if (node === undefined) return { nid, keyNid, level };
    if (node.kind === 'leaf') return undefined;
    nid = node.children[slotOf(keyNid, level, secret)] ?? 0;
  }
  return undefined;
}

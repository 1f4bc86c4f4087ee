/** Owns room states: immutable tries of (state key → event) whose versions share what they have in common. */
import { BoundedMap } from '#core/bounded-map.ts';
import { nextTurn, piecesOf } from '#core/pieces.ts';
import { statement, type ReadTx } from '#storage/database.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import { loadPaths, missingNode } from '#storage/rooms/state-paths.ts';
import { compareEntries, withChanges, withEntry, type Change, type StateChange } from '#storage/rooms/trie-entries.ts';
import { decodeNode, emptyLeaf, encodeNode, fanOut, leafEntriesMax, slotOf } from '#storage/rooms/trie-node.ts';
import type { Entry, TrieNode } from '#storage/rooms/trie-node.ts';

/** A state: the nid of its trie's root node. 0 is the empty state. */
export type StateRoot = number;

/** A node that the writer of an event inserts together with the root that needs it. */
export type NewNode = { readonly nodeNid: number; readonly entries: Buffer };

export type StateTries = {
  /** The event under a key (`state_keys.key_nid`), or undefined. */
  find(db: ReadTx, roomNid: number, root: StateRoot, keyNid: number): Promise<number | undefined>;
  /** The same of several keys, in their order: one round trip, whatever of the state is in memory. */
  findEach(
    db: ReadTx,
    roomNid: number,
    root: StateRoot,
    keyNids: readonly number[],
  ): Promise<readonly (number | undefined)[]>;
  /** All entries, in no particular order. */
  entries(db: ReadTx, roomNid: number, root: StateRoot): Promise<readonly Entry[]>;
  /** What differs between two states; reads only the nodes that differ. */
  diff(db: ReadTx, roomNid: number, before: StateRoot, after: StateRoot): Promise<readonly StateChange[]>;
  /** The state with one entry set. The new nodes, O(log n), are for the caller to write. */
  set(db: ReadTx, roomNid: number, root: StateRoot, keyNid: number, eventNid: number): Promise<NewState>;
  /** The state with many entries set, or removed where the event is undefined. Writes only nodes that the result has. */
  update(
    db: ReadTx,
    roomNid: number,
    root: StateRoot,
    changes: ReadonlyMap<number /* keyNid */, number | undefined /* eventNid */>,
  ): Promise<NewState>;
};

/** A state of which some nodes are not written yet. */
export type NewState = { readonly root: StateRoot; readonly nodes: readonly NewNode[] };

const selectNodes = statement<{ node_nid: number; entries: Buffer }>(
  'select_state_nodes',
  `select node_nid, entries from state_nodes where room_nid = $1 and node_nid = any($2::bigint[])`,
);

/** About 50 bytes each. */
const CACHED_ENTRIES_MAX = 400_000;
const entriesOf = (node: TrieNode): number => 2 + (node.kind === 'leaf' ? node.entries.length : node.children.length);

/** `secret` is the database's own: every process must use the same. */
export function createStateTries(parts: { readonly nids: NidAllocator; readonly secret: number }): StateTries {
  const cache = new BoundedMap<number, TrieNode>({ sizeMax: CACHED_ENTRIES_MAX, sizeOf: entriesOf });
  return new CachedTries(cache, parts.nids, parts.secret);
}

class CachedTries implements StateTries {
  readonly #cache: BoundedMap<number, TrieNode>;
  readonly #nids: NidAllocator;
  readonly #secret: number;

  constructor(cache: BoundedMap<number, TrieNode>, nids: NidAllocator, secret: number) {
    this.#cache = cache;
    this.#nids = nids;
    this.#secret = secret;
  }

  async find(db: ReadTx, roomNid: number, root: StateRoot, keyNid: number): Promise<number | undefined> {
    return (await this.findEach(db, roomNid, root, [keyNid]))[0];
  }

  async findEach(db: ReadTx, roomNid: number, root: StateRoot, keyNids: readonly number[]) {
    const nodeOf = await this.#loadPaths(db, roomNid, root, keyNids);
    return keyNids.map((keyNid) => {
      let node: TrieNode = emptyLeaf;
      for (let nid = root, level = 0; nid !== 0; level++) {
        node = nodeOf(nid);
        if (node.kind === 'leaf') return node.entries.find(([key]) => key === keyNid)?.[1];
        nid = node.children[slotOf(keyNid, level, this.#secret)] ?? 0;
      }
      return undefined;
    });
  }

  #loadPaths(db: ReadTx, roomNid: number, root: StateRoot, keyNids: readonly number[]) {
    const parts = {
      secret: this.#secret,
      findNode: (nid: number) => this.#cache.get(nid),
      remember: (nid: number, node: TrieNode) => this.#cache.set(nid, node),
    };
    return loadPaths(db, parts, { roomNid, root, keyNids });
  }

  async entries(db: ReadTx, roomNid: number, root: StateRoot): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    let wanted = root === 0 ? [] : [root];
    while (wanted.length > 0) {
      const nodes = await this.#load(db, roomNid, wanted);
      wanted = [];
      for (const node of nodes.values()) {
        if (node.kind === 'leaf') for (const entry of node.entries) entries.push(entry);
        else for (const child of node.children) if (child !== 0) wanted.push(child);
      }
    }
    return entries;
  }

  async diff(db: ReadTx, roomNid: number, before: StateRoot, after: StateRoot): Promise<readonly StateChange[]> {
    const changes: StateChange[] = [];
    let pairs: [number, number][] = [[before, after]];
    while (pairs.length > 0) {
      const differing = pairs.filter(([a, b]) => a !== b);
      const nodes = await this.#load(db, roomNid, differing.flat());
      pairs = [];
      for (const [a, b] of differing) {
        const one = nodes.get(a) ?? emptyLeaf;
        const other = nodes.get(b) ?? emptyLeaf;
        if (one.kind === 'inner' && other.kind === 'inner') {
          for (let slot = 0; slot < fanOut; slot++) pairs.push([one.children[slot] ?? 0, other.children[slot] ?? 0]);
        } else {
          // A leaf that was split, or the other way: at most a few dozen entries on one of the sides.
          compareEntries(await this.entries(db, roomNid, a), await this.entries(db, roomNid, b), changes);
        }
      }
    }
    return changes;
  }

  async set(db: ReadTx, roomNid: number, root: StateRoot, keyNid: number, eventNid: number) {
    const path: { readonly children: readonly number[]; readonly slot: number }[] = [];
    const nodeOf = await this.#loadPaths(db, roomNid, root, [keyNid]);
    let node: TrieNode = emptyLeaf;
    for (let nid = root; nid !== 0;) {
      node = nodeOf(nid);
      if (node.kind === 'leaf') break;
      const slot = slotOf(keyNid, path.length, this.#secret);
      path.push({ children: node.children, slot });
      nid = node.children[slot] ?? 0;
      node = emptyLeaf;
    }
    const leaf = node.kind === 'leaf' ? node.entries : [];
    return this.#nids.reserve(path.length + nodesPerSplit, () =>
      this.#addPath(path, withEntry(leaf, keyNid, eventNid)),
    );
  }

  async update(
    db: ReadTx,
    roomNid: number,
    root: StateRoot,
    changes: ReadonlyMap<number, number | undefined>,
  ): Promise<NewState> {
    const nodes: NewNode[] = [];
    const all = [...changes];
    await this.#loadBelow(db, roomNid, root, all);
    return { root: await this.#updateNode(db, roomNid, { nid: root, level: 0, changes: all }, nodes), nodes };
  }

  /** Reads the nodes that the changes meet, a level at a time, so that they are in memory. */
  async #loadBelow(db: ReadTx, roomNid: number, root: StateRoot, changes: readonly Change[]): Promise<void> {
    let wanted = new Map<number, readonly Change[]>(root === 0 ? [] : [[root, changes]]);
    for (let level = 0; wanted.size > 0; level++) {
      const next = new Map<number, readonly Change[]>();
      for (const [nid, node] of await this.#load(db, roomNid, [...wanted.keys()])) {
        if (node.kind === 'leaf') continue;
        const bySlot = Map.groupBy(wanted.get(nid) ?? [], ([keyNid]) => slotOf(keyNid, level, this.#secret));
        for (const [slot, own] of bySlot) {
          const child = node.children[slot] ?? 0;
          if (child !== 0) next.set(child, own);
        }
      }
      wanted = next;
    }
  }

  /** Depth is bounded by the slots of a key's hash. An inner node stays one, however few entries are left below it. */
  async #updateNode(
    db: ReadTx,
    roomNid: number,
    { nid, level, changes }: { nid: number; level: number; changes: readonly Change[] },
    nodes: NewNode[],
  ): Promise<number> {
    if (changes.length === 0) return nid;
    const node = nid === 0 ? emptyLeaf : ((await this.#load(db, roomNid, [nid])).get(nid) ?? emptyLeaf);
    if (node.kind === 'leaf') return this.#addMany(withChanges(node.entries, changes), level, nodes);
    const bySlot = Map.groupBy(changes, ([keyNid]) => slotOf(keyNid, level, this.#secret));
    const children: number[] = [];
    for (const [slot, child] of node.children.entries()) {
      const own = bySlot.get(slot);
      const below = own === undefined ? child : { nid: child, level: level + 1, changes: own };
      children.push(typeof below === 'number' ? below : await this.#updateNode(db, roomNid, below, nodes));
      if (own !== undefined && own.length > entriesPerTurn) await nextTurn();
    }
    if (children.every((child) => child === 0)) return 0;
    return this.#nids.reserve(1, () => this.#add({ kind: 'inner', children }, nodes));
  }

  #addPath(path: readonly { readonly children: readonly number[]; readonly slot: number }[], leaf: readonly Entry[]) {
    const nodes: NewNode[] = [];
    let child = this.#addEntries(leaf, path.length, nodes);
    for (let level = path.length - 1; level >= 0; level--) {
      const step = path[level];
      if (step === undefined) break;
      child = this.#add({ kind: 'inner', children: step.children.with(step.slot, child) }, nodes);
    }
    return { root: child, nodes };
  }

  /** As `#addEntries`, for as many as it may be: others have their turn in between. */
  async #addMany(entries: readonly Entry[], level: number, nodes: NewNode[]): Promise<number> {
    if (entries.length <= entriesPerTurn * fanOut) {
      return this.#nids.reserve(entries.length + nodesPerSplit, () => this.#addEntries(entries, level, nodes));
    }
    const bySlot = Map.groupBy(entries, ([keyNid]) => slotOf(keyNid, level, this.#secret));
    const children: number[] = [];
    for (let slot = 0; slot < fanOut; slot++) {
      children.push(await this.#addMany(bySlot.get(slot) ?? [], level + 1, nodes));
      await nextTurn();
    }
    return this.#nids.reserve(1, () => this.#add({ kind: 'inner', children }, nodes));
  }

  #addEntries(entries: readonly Entry[], level: number, nodes: NewNode[]): number {
    if (entries.length === 0) return 0;
    if (entries.length <= leafEntriesMax) return this.#add({ kind: 'leaf', entries }, nodes);
    const bySlot = Map.groupBy(entries, ([keyNid]) => slotOf(keyNid, level, this.#secret));
    const children = Array.from({ length: fanOut }, (_, slot) => {
      const own = bySlot.get(slot);
      return own === undefined ? 0 : this.#addEntries(own, level + 1, nodes);
    });
    return this.#add({ kind: 'inner', children }, nodes);
  }

  #add(node: TrieNode, nodes: NewNode[]): number {
    const nodeNid = this.#nids.take();
    nodes.push({ nodeNid, entries: encodeNode(node) });
    // Known before it is written: if the write fails, no root that anybody reads ever names it.
    this.#cache.set(nodeNid, node);
    return nodeNid;
  }

  async #load(db: ReadTx, roomNid: number, nids: readonly number[]): Promise<Map<number, TrieNode>> {
    const nodes = new Map<number, TrieNode>();
    const missing: number[] = [];
    for (const nid of nids) {
      if (nid === 0) continue;
      const node = this.#cache.get(nid);
      if (node === undefined) missing.push(nid);
      else nodes.set(nid, node);
    }
    for (const some of piecesOf(missing, nodesAtOnce)) {
      for (const row of await db.query(selectNodes, [roomNid, some])) {
        const node = decodeNode(row.entries);
        this.#cache.set(row.node_nid, node);
        nodes.set(row.node_nid, node);
      }
    }
    for (const nid of missing) {
      if (!nodes.has(nid)) throw missingNode(roomNid, nid);
    }
    return nodes;
  }
}

/** Nodes that are read by one query. */
const nodesAtOnce = 1_000;
/** A few milliseconds' worth. */
const entriesPerTurn = 250;

/** As many splits in a row as no hash ever needs. */
const nodesPerSplit = 8 * fanOut;

/** Owns the form of one node of a state trie, in memory and in its row. */

/** At most this many entries are one leaf: the state of most rooms is a single node. */
export const leafEntriesMax = 32;
export const fanOut = 16;

export type Entry = readonly [keyNid: number, eventNid: number];
/** Entries ascend by key. Children are node nids by slot, 0 where there is none. */
export type TrieNode =
  | { readonly kind: 'leaf'; readonly entries: readonly Entry[] }
  | { readonly kind: 'inner'; readonly children: readonly number[] };

export const emptyLeaf: TrieNode = { kind: 'leaf', entries: [] };

/** So many levels use up one 32-bit hash; deeper ones take another. */
export const levelsPerHash = 8;

/**
 * The hash whose four bits at a time, the lowest first, are the slots of a key at a level and below it. Keyed with the
 * database's secret, so that nobody can choose state keys that pile up in one branch.
 */
export function slotsFrom(keyNid: number, level: number, secret: number): number {
  const round = Math.floor(level / levelsPerHash);
  let hash =
    Math.imul((keyNid >>> 0) ^ secret, 0x9e3779b1) ^
    Math.imul(Math.floor(keyNid / 0x1_0000_0000) + round + 1, 0x85ebca6b);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x21f0aaad);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x735a2d97);
  hash ^= hash >>> 15;
  return hash >>> ((level % levelsPerHash) * 4);
}

/** The slot of a key at a level. */
export function slotOf(keyNid: number, level: number, secret: number): number {
  return slotsFrom(keyNid, level, secret) & 15;
}

/** One byte of kind, then varints: keys as steps upwards, event and node ids as steps from their predecessor. */
export function encodeNode(node: TrieNode): Buffer {
  const out: number[] = [];
  let previous = 0;
  if (node.kind === 'leaf') {
    out.push(0);
    let key = 0;
    for (const [keyNid, eventNid] of node.entries) {
      writeVarint(out, keyNid - key);
      writeVarint(out, zigzag(eventNid - previous));
      key = keyNid;
      previous = eventNid;
    }
    return Buffer.from(out);
  }
  out.push(1);
  for (const child of node.children) {
    if (child === 0) {
      out.push(0);
      continue;
    }
    writeVarint(out, zigzag(child - previous) + 1);
    previous = child;
  }
  return Buffer.from(out);
}

export function decodeNode(bytes: Buffer): TrieNode {
  const reader = { bytes, at: 1 };
  let previous = 0;
  if (bytes[0] === 0) {
    const entries: Entry[] = [];
    let key = 0;
    while (reader.at < bytes.length) {
      key += readVarint(reader);
      previous += unzigzag(readVarint(reader));
      entries.push([key, previous]);
    }
    return { kind: 'leaf', entries };
  }
  const children: number[] = [];
  for (let slot = 0; slot < fanOut; slot++) {
    const step = readVarint(reader);
    if (step !== 0) previous += unzigzag(step - 1);
    children.push(step === 0 ? 0 : previous);
  }
  return { kind: 'inner', children };
}

// Arithmetic rather than bit operations, which would cut ids at 32 bits.
const zigzag = (step: number): number => (step < 0 ? -2 * step - 1 : 2 * step);
const unzigzag = (coded: number): number => (coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2);

function writeVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

function readVarint(reader: { readonly bytes: Buffer; at: number }): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new Error('A state node ends in the middle of a number.');
    value += (byte % 128) * scale;
    if (byte < 128) return value;
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReadTx, Statement } from '#storage/database.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import { createStateTries, type NewNode, type StateRoot, type StateTries } from '#storage/rooms/state-tries.ts';
import { decodeNode, encodeNode, fanOut, leafEntriesMax, slotOf, type TrieNode } from '#storage/rooms/trie-node.ts';

const roomNid = 7;

/** The rows that writers have recorded, and a reader of them that counts. */
class RecordedNodes {
  readonly rows = new Map<number, Buffer>();
  queries = 0;
  rowsRead = 0;

  add(nodes: readonly NewNode[]): void {
    for (const { nodeNid, entries } of nodes) {
      assert.ok(!this.rows.has(nodeNid), 'a node is written once');
      this.rows.set(nodeNid, entries);
    }
  }

  readonly db: ReadTx = {
    query: async <Row>({ name }: Statement<Row>, values: readonly unknown[]): Promise<Row[]> => {
      const [room, nids] = values;
      assert.equal(room, roomNid);
      const wanted = name === 'select_state_paths' ? this.#pathsOf(values) : new Set(numbersIn(nids));
      const rows = Array.from(wanted).flatMap((nid) => {
        const entries = this.rows.get(nid);
        return entries === undefined ? [] : [{ node_nid: nid, entries }];
      });
      this.queries++;
      this.rowsRead += rows.length;
      // The only statements of the tries are those that read nodes.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return rows as Row[];
    },
  };

  /** As the database's function has it, which a test of its own proves. */
  #pathsOf([, nids, hashes, levels]: readonly unknown[]): number[] {
    const paths: number[] = [];
    for (const [index, start] of numbersIn(nids).entries()) {
      const hash = numbersIn(hashes)[index] ?? 0;
      for (let nid = start, level = 0; nid !== 0 && level <= (numbersIn(levels)[index] ?? 0); level++) {
        paths.push(nid);
        const bytes = this.rows.get(nid);
        const node = bytes === undefined ? undefined : decodeNode(bytes);
        nid = node?.kind === 'inner' ? (node.children[(hash >>> (4 * level)) & 15] ?? 0) : 0;
      }
    }
    return paths;
  }
}

function numbersIn(list: unknown): number[] {
  assert.ok(Array.isArray(list));
  return list.map(Number);
}

function countingNids(first = 1_000): NidAllocator {
  let next = first;
  return { reserve: async (_, use) => use(), take: () => next++ };
}

type Version = { readonly root: StateRoot; readonly state: ReadonlyMap<number, number> };
type Edit = readonly [keyNid: number, eventNid: number];

async function applyEdits(tries: StateTries, nodes: RecordedNodes, edits: readonly Edit[]): Promise<Version[]> {
  const versions: Version[] = [{ root: 0, state: new Map() }];
  for (const [keyNid, eventNid] of edits) {
    const { root, state } = versions.at(-1) ?? assert.fail();
    const next = await tries.set(nodes.db, roomNid, root, keyNid, eventNid);
    nodes.add(next.nodes);
    versions.push({ root: next.root, state: new Map(state).set(keyNid, eventNid) });
  }
  return versions;
}

function expectedDiff(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): unknown[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .toSorted((a, b) => a - b)
    .map((keyNid) => ({ keyNid, before: before.get(keyNid), after: after.get(keyNid) }));
}

const byKey = <T extends { readonly keyNid: number }>(a: T, b: T): number => a.keyNid - b.keyNid;

async function assertVersion(tries: StateTries, db: ReadTx, { root, state }: Version): Promise<void> {
  const entries = await tries.entries(db, roomNid, root);
  assert.equal(entries.length, state.size, 'no key twice');
  assert.deepEqual(new Map(entries.toSorted(([a], [b]) => a - b)), new Map([...state].toSorted(([a], [b]) => a - b)));
}

// Few keys are edited again and again, many fill leaves; the large ones lie beyond 32 bits.
const keyNid = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 2_000 }),
  fc.integer({ min: 2 ** 32 - 3, max: 2 ** 32 + 500 }),
  fc.maxSafeInteger().map((key) => Math.abs(key) + 0 || 1),
);
const edits = fc.array(fc.tuple(keyNid, fc.integer({ min: 1, max: 2 ** 50 })), { maxLength: 220, size: 'max' });
const secret = fc.integer();

test('every version of a trie is what a map of the same edits is, read from its rows alone', async () => {
  await fc.assert(
    fc.asyncProperty(edits, secret, fc.array(keyNid, { maxLength: 20 }), async (changes, own, others) => {
      const nodes = new RecordedNodes();
      const versions = await applyEdits(createStateTries({ nids: countingNids(), secret: own }), nodes, changes);
      // Another process: it knows nothing but the rows.
      const reader = createStateTries({ nids: countingNids(), secret: own });
      for (const version of versions.filter((_, index) => index % 37 === 0 || index === versions.length - 1)) {
        await assertVersion(reader, nodes.db, version);
        for (const key of [...version.state.keys(), ...others]) {
          assert.equal(await reader.find(nodes.db, roomNid, version.root, key), version.state.get(key));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a diff is what differs, forwards and backwards, between any two versions', async () => {
  await fc.assert(
    fc.asyncProperty(edits, secret, fc.nat(), fc.nat(), async (changes, own, from, to) => {
      const nodes = new RecordedNodes();
      const tries = createStateTries({ nids: countingNids(), secret: own });
      const versions = await applyEdits(tries, nodes, changes);
      const before = versions[from % versions.length] ?? assert.fail();
      const after = versions[to % versions.length] ?? assert.fail();
      const reader = createStateTries({ nids: countingNids(), secret: own });
      for (const [one, other] of [
        [before, after],
        [after, before],
      ] as const) {
        const found = await reader.diff(nodes.db, roomNid, one.root, other.root);
        assert.deepEqual(found.toSorted(byKey), expectedDiff(one.state, other.state));
      }
    }),
    { numRuns: 80 },
  );
});

test('many entries set and removed at once are what a map of the same changes is', async () => {
  const some = fc.uniqueArray(fc.tuple(keyNid, fc.option(fc.integer({ min: 1, max: 2 ** 50 }), { nil: undefined })), {
    selector: ([key]) => key,
    maxLength: 120,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(edits, secret, some, async (before, own, changes) => {
      const nodes = new RecordedNodes();
      const tries = createStateTries({ nids: countingNids(), secret: own });
      const { root, state } = (await applyEdits(tries, nodes, before)).at(-1) ?? assert.fail();
      // Half of what is there goes too.
      const removals = [...state.keys()].filter((_, index) => index % 2 === 0).map((key) => [key, undefined] as const);
      const all = new Map<number, number | undefined>([...removals, ...changes]);
      const updated = await tries.update(nodes.db, roomNid, root, all);
      nodes.add(updated.nodes);
      const expected = new Map(state);
      for (const [key, eventNid] of all) {
        if (eventNid === undefined) expected.delete(key);
        else expected.set(key, eventNid);
      }
      const reader = createStateTries({ nids: countingNids(), secret: own });
      await assertVersion(reader, nodes.db, { root: updated.root, state: expected });
      const found = await reader.diff(nodes.db, roomNid, root, updated.root);
      assert.deepEqual(found.toSorted(byKey), expectedDiff(state, expected));
    }),
    { numRuns: 60 },
  );
});

test('the state of a large room is made at once, and changed at once by a few queries, while others have their turn', async () => {
  const nodes = new RecordedNodes();
  const nids = countingNids();
  const filled = new Map(Array.from({ length: 20_000 }, (_, index) => [index + 1, index + 1_000_000]));
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const made = await createStateTries({ nids, secret: 3 }).update(nodes.db, roomNid, 0, filled);
  clearInterval(counting);
  nodes.add(made.nodes);
  assert.ok(turns > 3);
  const cold = createStateTries({ nids, secret: 3 });
  await assertVersion(cold, nodes.db, { root: made.root, state: filled });
  nodes.queries = 0;
  const changes = new Map<number, number | undefined>();
  for (let key = 1; key <= 20_000; key += 3) changes.set(key, key % 2 === 0 ? undefined : key + 5_000_000);
  const changed = await createStateTries({ nids, secret: 3 }).update(nodes.db, roomNid, made.root, changes);
  nodes.add(changed.nodes);
  const state = new Map(filled);
  for (const [key, eventNid] of changes) {
    if (eventNid === undefined) state.delete(key);
    else state.set(key, eventNid);
  }
  assert.ok(nodes.queries < 12, `${nodes.queries} queries`);
  await assertVersion(createStateTries({ nids, secret: 3 }), nodes.db, { root: changed.root, state });
});

test('a leaf holds 32 entries and the 33rd splits it; both differ by that one entry', async () => {
  const nodes = new RecordedNodes();
  const tries = createStateTries({ nids: countingNids(), secret: 42 });
  const versions = await applyEdits(
    tries,
    nodes,
    Array.from({ length: 33 }, (_, index) => [index + 1, index + 100]),
  );
  const full = versions[leafEntriesMax] ?? assert.fail();
  const split = versions[leafEntriesMax + 1] ?? assert.fail();
  assert.equal(decodeNode(nodes.rows.get(full.root) ?? assert.fail()).kind, 'leaf');
  assert.equal(decodeNode(nodes.rows.get(split.root) ?? assert.fail()).kind, 'inner');
  const added = [{ keyNid: 33, before: undefined, after: 132 }];
  assert.deepEqual(await tries.diff(nodes.db, roomNid, full.root, split.root), added);
  assert.deepEqual(await tries.diff(nodes.db, roomNid, split.root, split.root), []);
});

test('several keys of a state are found by one query, and by none once they are in memory', async () => {
  const nodes = new RecordedNodes();
  const filled = new Map(Array.from({ length: 5_000 }, (_, index) => [index + 1, index + 1_000_000]));
  const { root, nodes: made } = await createStateTries({ nids: countingNids(), secret: 3 }).update(
    nodes.db,
    roomNid,
    0,
    filled,
  );
  nodes.add(made);
  const tries = createStateTries({ nids: countingNids(), secret: 3 });
  const keys = [17, 4_999, 6_000, 17, 1];
  const expected = keys.map((key) => filled.get(key));
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await tries.findEach(nodes.db, roomNid, root, keys), expected);
    assert.equal(nodes.queries, 1);
  }
});

test('keys that share their first slots go deeper until they part', async () => {
  const own = 99;
  const wanted = Array.from({ length: 3 }, (_, level) => slotOf(1, level, own));
  const keys: number[] = [];
  for (let key = 1; keys.length < 40; key++)
    if (wanted.every((slot, level) => slotOf(key, level, own) === slot)) keys.push(key);
  const nodes = new RecordedNodes();
  const tries = createStateTries({ nids: countingNids(), secret: own });
  const versions = await applyEdits(
    tries,
    nodes,
    keys.map((key) => [key, key + 5]),
  );
  for (const version of versions) await assertVersion(tries, nodes.db, version);
  const last = versions.at(-1) ?? assert.fail();
  assert.equal(await tries.find(nodes.db, roomNid, last.root, keys[39] ?? 0), (keys[39] ?? 0) + 5);
  assert.equal(await tries.find(nodes.db, roomNid, last.root, 2 ** 40), undefined);
});

test('the empty state has nothing, and a node that is missing is an error', async () => {
  const nodes = new RecordedNodes();
  const tries = createStateTries({ nids: countingNids(), secret: 1 });
  assert.equal(await tries.find(nodes.db, roomNid, 0, 5), undefined);
  assert.deepEqual(await tries.entries(nodes.db, roomNid, 0), []);
  assert.deepEqual(await tries.diff(nodes.db, roomNid, 0, 0), []);
  assert.equal(nodes.queries, 0);
  await assert.rejects(tries.find(nodes.db, roomNid, 12, 5), /State node 12/);
  await assert.rejects(tries.entries(nodes.db, roomNid, 12), /State node 12/);
});

test('a node survives its bytes', () => {
  const nid = fc.maxSafeInteger().map((each) => Math.abs(each) % 2 ** 51);
  const leaf = fc.uniqueArray(fc.tuple(nid, nid), { selector: ([key]) => key, maxLength: leafEntriesMax });
  const inner = fc.array(nid, { minLength: fanOut, maxLength: fanOut });
  const node: fc.Arbitrary<TrieNode> = fc.oneof(
    leaf.map((entries) => ({ kind: 'leaf' as const, entries: entries.toSorted(([a], [b]) => a - b) })),
    inner.map((children) => ({ kind: 'inner' as const, children })),
  );
  fc.assert(fc.property(node, (each) => assert.deepEqual(decodeNode(encodeNode(each)), each)));
});

test('an event of state costs a path of small nodes, and a diff reads only what differs', async (context) => {
  const limits = new Map([
    [10, 200],
    [1_000, 600],
    [50_000, 700],
  ]);
  for (const [members, bytesMax] of limits) {
    const nodes = new RecordedNodes();
    const tries = createStateTries({ nids: countingNids(1_000_000), secret: 1234 });
    let root: StateRoot = 0;
    for (let key = 1; key <= members; key++) {
      const next = await tries.set(nodes.db, roomNid, root, key * 3, 2_000_000 + key * 4);
      root = next.root;
      nodes.add(next.nodes);
    }
    const samples = 500;
    let bytes = 0;
    let count = 0;
    const before = root;
    let first: StateRoot = 0;
    for (let sample = 0; sample < samples; sample++) {
      const key = 3 * (1 + ((sample * 7_919) % members));
      const next = await tries.set(nodes.db, roomNid, root, key, 9_000_000 + sample * 4);
      root = next.root;
      first ||= root;
      nodes.add(next.nodes);
      count += next.nodes.length;
      for (const node of next.nodes) bytes += node.entries.length;
    }
    context.diagnostic(
      `${members} members: ${Math.round(bytes / samples)} bytes in ${(count / samples).toFixed(1)} nodes`,
    );
    assert.ok(bytes / samples <= bytesMax, `${bytes / samples} bytes at ${members} members`);
    const reader = createStateTries({ nids: countingNids(), secret: 1234 });
    nodes.rowsRead = 0;
    assert.equal((await reader.diff(nodes.db, roomNid, before, first)).length, 1);
    assert.ok(nodes.rowsRead <= 2 * 5, `${nodes.rowsRead} nodes read for one change`);
  }
});

/** Proves that the database's function reads the nodes of a trie as the program writes them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statement, type ReadTx } from '#storage/database.ts';
import { createStateTries, type NewNode } from '#storage/rooms/state-tries.ts';
import { encodeNode, fanOut, slotOf } from '#storage/rooms/trie-node.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const insertNodes = statement<unknown>(
  'test_insert_nodes',
  'insert into state_nodes select $1, nid, entries from unnest($2::bigint[], $3::bytea[]) as n(nid, entries)',
);
const roomNid = 7;

/** Node ids go up and down, and are small and large. */
function scatteredNids(random: () => number) {
  const used = new Set<number>();
  const take = (): number => {
    const nid = 1 + Math.floor(random() * (random() < 0.5 ? 1e6 : 2 ** 50));
    return used.has(nid) ? take() : (used.add(nid), nid);
  };
  return { reserve: async <T>(_: number, use: () => T) => use(), take };
}

test('one look finds any key of a state, wherever its node is, and nothing where there is none', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const { database } = parts;
  const seed = Date.now() % 1_000_000;
  const random = seededNumbers(seed);
  const secret = Math.floor(random() * 2 ** 31);
  const nids = scatteredNids(random);
  const write = (nodes: readonly NewNode[]): Promise<unknown> =>
    database.query(insertNodes, [roomNid, nodes.map(({ nodeNid }) => nodeNid), nodes.map(({ entries }) => entries)]);
  let queries = 0;
  const counted: ReadTx = { query: (...asked) => (queries++, database.query(...asked)) };
  for (const count of [1, 32, 33, 600, 5_000]) {
    const state = new Map<number, number>();
    for (let key = 0; key < count; key++) state.set(1 + Math.floor(random() * 2 ** 40), Math.floor(random() * 2 ** 50));
    const made = await createStateTries({ nids, secret }).update(database, roomNid, 0, state);
    await write(made.nodes);
    const keys = [...state.keys()].filter(() => random() < 200 / count);
    const absent = Array.from({ length: 50 }, () => 2 ** 41 + Math.floor(random() * 1e9));
    const cold = createStateTries({ nids, secret });
    queries = 0;
    const found = await cold.findEach(counted, roomNid, made.root, [...keys, ...absent]);
    assert.deepEqual(found, [...keys.map((key) => state.get(key)), ...absent.map(() => undefined)], `seed ${seed}`);
    assert.equal(queries, 1, `seed ${seed}`);
    const [key = 0] = keys;
    const next = await createStateTries({ nids, secret }).set(counted, roomNid, made.root, key, 99);
    await write(next.nodes);
    assert.equal(await createStateTries({ nids, secret }).find(counted, roomNid, next.root, key), 99, `seed ${seed}`);
    assert.equal(queries, 3, `seed ${seed}`);
  }
  await assert.rejects(createStateTries({ nids, secret }).find(database, roomNid, 3, 1), /State node 3 /);
});

test('a way that is longer than one hash is gone to its end', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const [secret, key, depth] = [12_345, 678, 19];
  const nodes: NewNode[] = [{ nodeNid: 100, entries: encodeNode({ kind: 'leaf', entries: [[key, 42]] }) }];
  for (let level = depth - 1, child = 100; level >= 0; level--, child++) {
    const children = Array.from({ length: fanOut }, (_, slot) => (slot === slotOf(key, level, secret) ? child : 0));
    nodes.push({ nodeNid: child + 1, entries: encodeNode({ kind: 'inner', children }) });
  }
  await parts.database.query(insertNodes, [
    roomNid,
    nodes.map(({ nodeNid }) => nodeNid),
    nodes.map(({ entries }) => entries),
  ]);
  const tries = createStateTries({ nids: scatteredNids(seededNumbers(1)), secret });
  assert.equal(await tries.find(parts.database, roomNid, 100 + depth, key), 42);
});

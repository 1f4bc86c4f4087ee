/** Proves that values come out of the database as their types say, and that connections end with their owner. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { accounts } from '#storage/entities/accounts.ts';
import { stateNodes } from '#storage/entities/event-graph.ts';
import { poolOf } from '#storage/orm.ts';
import { createMigratedDatabase, openOrm } from '#test/storage/migrated-database.ts';

const database = await createMigratedDatabase();
const orm = await openOrm(database.connection);

after(async () => {
  await orm.close();
  await database[Symbol.asyncDispose]();
});

async function query(sql: string): Promise<unknown[]> {
  const { rows } = await poolOf(orm).query<object>(sql);
  return rows;
}

test('a bigint is a number, alone and in arrays, and one beyond 2^53 fails its query', async () => {
  assert.deepEqual(await query(`select 9007199254740991::int8 as a, '{1,-2}'::int8[] as b, '{}'::int8[] as c`), [
    { a: 9_007_199_254_740_991, b: [1, -2], c: [] },
  ]);
  await assert.rejects(query('select 9007199254740993::int8 as a'), RangeError);
  await assert.rejects(query(`select '{1,9007199254740993}'::int8[] as a`), RangeError);
});

test('an entity is named like its table, and its values come back as its types say', async () => {
  const failure = new Error('rolled back');
  const node = { room_nid: 1, node_nid: 2 ** 40, entries: Buffer.of(0, 255) };
  const work = orm.em.fork().transactional(async (em) => {
    await em.insert(stateNodes, node);
    await em.insert(accounts, { user_nid: 7, created_at: 5 });
    em.clear();
    const found = await em.findOneOrFail(stateNodes, { room_nid: 1 });
    assert.deepEqual([found.node_nid, found.entries], [node.node_nid, node.entries]);
    const account = await em.findOneOrFail(accounts, { user_nid: 7 });
    assert.deepEqual([account.created_at, account.is_admin, account.locked_at], [5, false, null]);
    throw failure;
  });
  await assert.rejects(work, failure);
  assert.deepEqual(await query('select from accounts'), []);
});

test('closing ends the pool, whether or not it was used', async () => {
  const unused = await openOrm(database.connection);
  await unused.close();
  assert.equal(poolOf(unused).ended, true);
  const used = await openOrm(database.connection);
  await poolOf(used).query('select 1');
  await used.close();
  assert.equal(poolOf(used).ended, true);
});

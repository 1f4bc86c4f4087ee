/** Proves that values come out of the database as their types say, and that connections end with their owner. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { accounts } from '#storage/entities/accounts.ts';
import type { Row, Tables } from '#storage/entities/entities.ts';
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

test('Kysely and the entity manager share a transaction, and read what was written', async () => {
  const head: Row<'room_heads'> = {
    room_nid: 1,
    room_seq: 1,
    pos: 1,
    bump_pos: 1,
    state_root: 1,
    extremity_nids: [1, 2],
    depth: 1,
    last_order: 2 ** 40,
    notify_seq: 0,
    cause: 1,
  };
  const failure = new Error('rolled back');
  const work = orm.em.fork().transactional(async (em) => {
    const kysely = em.getKysely<Tables>();
    await kysely.insertInto('room_heads').values(head).execute();
    await kysely
      .insertInto('state_nodes')
      .values({ room_nid: 1, node_nid: 1, entries: Buffer.of(0, 255) })
      .execute();
    await kysely.insertInto('users').values({ user_id: '@alice:example.org' }).execute();
    const { user_nid } = await kysely.selectFrom('users').select('user_nid').executeTakeFirstOrThrow();
    await em.insert(accounts, { user_nid, created_at: 5 });
    assert.deepEqual(await kysely.selectFrom('room_heads').selectAll().execute(), [head]);
    const node = await kysely.selectFrom('state_nodes').select('entries').executeTakeFirstOrThrow();
    assert.deepEqual(node.entries, Buffer.of(0, 255));
    const account = await em.findOneOrFail(accounts, { user_nid });
    assert.deepEqual([account.created_at, account.is_admin, account.locked_at], [5, false, null]);
    throw failure;
  });
  await assert.rejects(work, failure);
  assert.deepEqual(await query('select from users'), []);
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

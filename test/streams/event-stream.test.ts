/** Owns the tests of the event stream over a real database: several processes read everything, once and in order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock, type Clock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { deliverySql } from '#migrations/baseline/delivery.ts';
import { eventGraphSql } from '#migrations/baseline/event-graph.ts';
import { accountsSql } from '#migrations/baseline/accounts.ts';
import { userStreamsSql } from '#migrations/baseline/user-streams.ts';
import { persistFunctionsSql } from '#migrations/baseline/persist-functions.ts';
import { roomMembersSql } from '#migrations/baseline/room-members.ts';
import { serverIdentitySql } from '#migrations/baseline/server-identity.ts';
import { openDatabase, statement, type Database } from '#storage/database.ts';
import { notifyOfEvents } from '#storage/streams/event-channel.ts';
import { makeFact } from '#streams/event-fact-fixture.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import type { StreamPositions } from '#streams/sync-token.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const logger = createLogger('silent');
const streamsSql = [userStreamsSql, deliverySql, persistFunctionsSql];
const sqls = [eventGraphSql, accountsSql, roomMembersSql, serverIdentitySql, ...streamsSql];
// These events are no state, so that nothing is looked up in a trie.
const noTries = { find: () => assert.fail('a message has no state to look up') };

const bob = { userNid: 2, userId: '@bob:a', deviceNid: 3, roomNids: [1] };
const at = (pos: number): StreamPositions => [pos, 0, 0, 0, 0];

const lockStream = statement<unknown>('test_lock_stream', 'select pg_advisory_xact_lock(2, 1)');
const insertEvent = statement<{ pos: number }>(
  'test_insert_event',
  `with e as (
     insert into events (event_nid, room_nid, event_id, status, pos, room_order, type, sender_nid, origin_server_ts, depth,
       state_before, history_visibility)
     select n, 1, '$' || n, 2, n, n, 'm.room.message', 1, 0, n, 1, 1 from nextval('events_pos') n returning event_nid, pos
   ), j as (insert into event_json select event_nid, '{"content":{},"origin_server_ts":0,"sender":"@alice:a","type":"m.room.message"}' from e)
   select pos from e`,
);

const lockToDevice = statement<unknown>('test_lock_to_device', 'select pg_advisory_xact_lock(2, 3)');
const insertToDevice = statement<{ pos: number }>(
  'test_insert_to_device',
  `insert into to_device_messages (device_nid, pos, user_nid, sender, type, content)
   values (3, nextval('to_device_pos'), 2, '@alice:a', 'm.room.encrypted', '{}') returning pos`,
);

type TestParts = AsyncDisposable & {
  readonly database: Database;
  readonly open: (clock?: Clock) => Promise<Streams>;
};

async function prepare(): Promise<TestParts> {
  const stack = new AsyncDisposableStack();
  const { connection } = stack.use(await createTestDatabase());
  const database = stack.use(openDatabase(connection, { poolSize: 8, logger }));
  const client = database.dedicatedClient();
  await client.connect();
  for (const sql of sqls) await client.query(sql);
  await client.query(`insert into users values (1, '@alice:a')`);
  await client.query(`insert into rooms values (1, '!room:a', '11', 0)`);
  await client.end();
  return {
    database,
    open: async (clock = systemClock) => openStreams({ database, tries: noTries, clock, logger }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** As another process writes it that has not told yet. */
function writeToDevice(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.query(lockToDevice, []);
    return (await tx.query(insertToDevice, []))[0]?.pos ?? 0;
  });
}

function writeEvent(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.query(lockStream, []);
    return (await tx.query(insertEvent, []))[0]?.pos ?? 0;
  });
}

describe('the event stream', () => {
  it('skips and repeats nothing while two write and a third reads', async () => {
    await using parts = await prepare();
    const { database } = parts;
    await using reader = await parts.open();
    const seen: number[] = [];
    let writing = true;
    const write = async (): Promise<void> => {
      await using own = await parts.open();
      for (let i = 0; i < 60; i += 1) {
        const pos = await writeEvent(database);
        // A transaction that fails leaves a gap in the positions.
        if (i % 7 === 0) await assert.rejects(failToWrite(database));
        await own.catchUp();
        assert.ok(own.events.horizon >= pos);
      }
    };
    const read = async (): Promise<void> => {
      let last = reader.events.horizon;
      for (;;) {
        const isLast = !writing;
        if (isLast) await reader.catchUp();
        const facts = reader.events.since(last);
        assert.ok(facts);
        seen.push(...facts.map((fact) => fact.pos));
        last = reader.events.horizon;
        if (isLast) return;
        const signal = AbortSignal.timeout(10_000);
        await reader.waitFor({ ...bob, after: at(last), timeoutMs: 100, signal });
        await reader.catchUp();
      }
    };
    const reading = read();
    await Promise.all([write(), write()]);
    writing = false;
    await reading;
    const rows = await database.query(
      statement<{ pos: number }>('test_positions', 'select pos from events order by pos'),
      [],
    );
    assert.equal(rows.length, 120);
    assert.deepEqual(
      seen,
      rows.map((row) => row.pos),
    );
  });

  it('tells no event of another process before the message to a device that was there first', async () => {
    await using parts = await prepare();
    await using reader = await parts.open();
    for (let i = 0; i < 5; i += 1) {
      const brought = await writeToDevice(parts.database);
      const pos = await writeEvent(parts.database);
      await reader.events.catchUp();
      assert.ok(reader.events.horizon >= pos);
      assert.ok(reader.toDevice.horizon >= brought, 'the key is there when the message is');
    }
  });

  it('is woken by what another process has committed', async () => {
    await using parts = await prepare();
    await using one = await parts.open();
    await using other = await parts.open();
    const first = await writeEvent(parts.database);
    await one.catchUp();
    const [fact] = one.events.since(first - 1) ?? [];
    assert.ok(fact);
    const signal = AbortSignal.timeout(20_000);
    const waiting = other.waitFor({ ...bob, after: at(first - 1), timeoutMs: 20_000, signal });
    one.committed({ facts: [fact], firstPos: first, lastPos: first });
    await waiting;
    assert.equal(other.events.horizon, first);
  });

  it('takes in a commit at once and without asking, though some of its positions are unused', async () => {
    await using parts = await prepare();
    await using stream = await parts.open();
    const { horizon: start } = stream.events;
    const commit = (from: number, to: number, ...positions: readonly number[]): void => {
      const facts = positions.map((pos) => makeFact(start + pos, 1));
      stream.committed({ facts, firstPos: start + from, lastPos: start + to });
    };
    // The second event was refused, and nobody is shown a moment between the first and the third.
    commit(1, 4, 1, 3);
    assert.equal(stream.events.horizon, start + 3);
    commit(5, 5);
    commit(6, 7, 6, 7);
    assert.equal(stream.events.horizon, start + 7);
    const seen = stream.events.since(start)?.map(({ pos }) => pos - start);
    assert.deepEqual(seen, [1, 3, 6, 7]);
    // Somebody else has the ninth: the table, which has nothing here, is asked.
    commit(10, 10, 10);
    await stream.catchUp();
    assert.equal(stream.events.horizon, start + 7);
  });

  it('starts at what is there, in the same epoch as before', async () => {
    await using parts = await prepare();
    const pos = await writeEvent(parts.database);
    await using one = await parts.open();
    await using other = await parts.open();
    assert.deepEqual([one.events.horizon, other.events.horizon], [pos, pos]);
    assert.equal(one.epoch, other.epoch);
    assert.deepEqual(one.positionsInEpoch({ epoch: one.epoch, positions: at(7) }), at(7));
    assert.equal(one.positionsInEpoch({ epoch: one.epoch + 1, positions: at(7) }), undefined);
    assert.equal(one.events.since(pos - 1), undefined);
    assert.deepEqual(one.events.since(pos), []);
  });

  it('begins a new epoch over a copy of the database, where older positions end', async () => {
    await using parts = await prepare();
    const pos = await writeEvent(parts.database);
    const before = await openAndClose(parts);
    const startedAt = Date.now();
    const elsewhere = statement<unknown>('test_elsewhere', `update token_epochs set system_identifier = 'another'`);
    await parts.database.query(elsewhere, []);
    await using stream = await parts.open();
    assert.ok(
      stream.epoch >= startedAt,
      'it is named by the time, as another restore of the same state is another life',
    );
    assert.equal(stream.positionsInEpoch({ epoch: stream.epoch - 1, positions: at(7) }), undefined);
    assert.deepEqual(stream.positionsInEpoch({ epoch: before, positions: [pos + 100, 7, 7, 7, 7] }), at(pos));
  });

  it('knows whether another process may be ahead: one that connects, stops, or dies', async () => {
    await using parts = await prepare();
    let aheadMs = 0;
    const monotonicMs = (): number => systemClock.monotonicMs() + aheadMs;
    await using one = await parts.open({ ...systemClock, monotonicMs });
    assert.ok(one.isShared, 'until it hears what others say');
    await until(() => !one.isShared);
    {
      await using other = await parts.open();
      await until(() => one.isShared && other.wakeUps.connected && other.isShared);
    }
    await until(() => !one.isShared);
    // As a process says it that dies then.
    const dying = parts.database.dedicatedClient();
    await dying.connect();
    await notifyOfEvents(dying, 'dying.0.0.0.0.0');
    await dying.end();
    await until(() => one.isShared);
    aheadMs += 120_000;
    assert.ok(!one.isShared);
  });

  it('outlives the loss of its connections', async () => {
    await using parts = await prepare();
    await using stream = await parts.open();
    const kill = statement<unknown>(
      'test_kill_listeners',
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'causeway wake-ups'`,
    );
    await parts.database.query(kill, []);
    const after = stream.events.horizon;
    const pos = await writeEvent(parts.database);
    const signal = AbortSignal.timeout(20_000);
    await stream.waitFor({ ...bob, after: at(after), timeoutMs: 20_000, signal });
    assert.equal(
      stream.events.horizon,
      pos,
      'the poll finds it, or the connection that took the place of the lost one',
    );
  });
});

/** Waits until the condition holds, for half a minute at most. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < 3_000, 'The condition did not come true in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function failToWrite(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(lockStream, []);
    await tx.query(insertEvent, []);
    throw new Error('no');
  });
}

async function openAndClose(parts: TestParts): Promise<number> {
  await using stream = await parts.open();
  return stream.epoch;
}

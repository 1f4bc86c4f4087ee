/** Owns the tests of the four streams beside events over a real database: written in batches, read by every process. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { appendDeviceListChange } from '#streams/device-list-changes.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import type { StreamPositions } from '#streams/sync-token.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const logger = createLogger('silent');
const tries = { find: () => assert.fail('nothing is looked up in a trie') };
const content = '{}';

async function prepare() {
  const stack = new AsyncDisposableStack();
  const { connection } = stack.use(await createMigratedDatabase());
  const database = stack.use(openDatabase(connection, { poolSize: 8, logger }));
  return {
    database,
    open: (): Promise<Streams> => openStreams({ database, tries, clock: systemClock, logger }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function setType(streams: Streams, userNid: number, type: string): Promise<void> {
  return streams.write('userData', (tx) => tx.add({ accountData: [{ userNid, roomNid: 0, type, content }] }));
}

function waitFor(streams: Streams, userNid: number, after: StreamPositions): Promise<StreamPositions> {
  const signal = AbortSignal.timeout(20_000);
  return streams.waitFor({ userNid, userId: '@u:a', deviceNid: 5, roomNids: [1], after, timeoutMs: 20_000, signal });
}

const accountDataTypes = statement<{ type: string; pos: number }>(
  'test_account_data_types',
  'select type, pos from account_data order by pos',
);

describe('the writer of streams', () => {
  it('writes what waits in one transaction, and one that fails alone fails alone', async () => {
    await using parts = await prepare();
    await using streams = await parts.open();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) =>
        // PostgreSQL's text holds no NUL, so this one is refused in the flush.
        n === 4 ? setType(streams, 1, 'a\0b') : setType(streams, 1, `type${n}`),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      Array.from({ length: 10 }, (_, n) => (n === 4 ? 'rejected' : 'fulfilled')),
    );
    const rows = await parts.database.query(accountDataTypes, []);
    assert.deepEqual(
      rows.map(({ type }) => type),
      [0, 1, 2, 3, 5, 6, 7, 8, 9].map((n) => `type${n}`),
    );
    await streams.catchUp();
    assert.equal(streams.userData.horizon, rows.at(-1)?.pos);
    const [first] = await Promise.allSettled([
      streams.write('userData', async (tx) => {
        await tx.query(accountDataTypes, []);
        throw new Error('changed its mind');
      }),
      setType(streams, 1, 'beside'),
    ]);
    assert.equal(first.status, 'rejected');
    assert.equal((await parts.database.query(accountDataTypes, [])).at(-1)?.type, 'beside');
  });

  it('lets a transaction see what others of its batch add, and write rows of its own', async () => {
    await using parts = await prepare();
    await using streams = await parts.open();
    const insert = statement<unknown>('test_insert_user', `insert into users (user_id) values ($1)`);
    const counts = await Promise.all(
      ['@a:a', '@b:a', '@c:a'].map((userId) =>
        streams.write('deviceLists', async (tx) => {
          await tx.query(insert, [userId]);
          tx.add({ accountData: [{ userNid: 1, roomNid: 0, type: userId, content }] });
          appendDeviceListChange(tx, 1, { changed: ['DEVICE'] });
          return tx.added('accountData').length;
        }),
      ),
    );
    assert.deepEqual(counts, [1, 2, 3]);
    const users = statement<{ user_id: string }>('test_users', 'select user_id from users order by user_nid');
    assert.deepEqual(
      (await parts.database.query(users, [])).map((row) => row.user_id),
      ['@a:a', '@b:a', '@c:a'],
    );
    await streams.catchUp();
    assert.equal(streams.deviceLists.horizon, 2, 'the last of three changes of one user and device is enough');
    assert.equal(streams.deviceLists.since(0)?.length, 1);
    assert.equal(streams.userData.horizon, 3);
  });

  it('moves receipts only forwards, and tells of those that moved', async () => {
    await using parts = await prepare();
    await using streams = await parts.open();
    const read = (roomOrder: number): Promise<void> =>
      streams.write('userData', (tx) => {
        const receipt = { roomNid: 1, userNid: 2, receiptType: 'm.read', threadId: '', ts: 0 };
        tx.add({ receipts: [{ ...receipt, eventId: `$${roomOrder}`, roomOrder }] });
      });
    await read(20);
    await read(10);
    await Promise.all([read(40), read(30)]);
    const receipt = statement<{ event_id: string; pos: number }>('test_receipt', 'select event_id, pos from receipts');
    assert.deepEqual(await parts.database.query(receipt, []), [{ event_id: '$40', pos: 3 }]);
    assert.deepEqual(
      streams.userData.since(0)?.map(({ kind, roomNid, pos }) => [kind, roomNid, pos]),
      [
        ['receipts', 1, 1],
        ['receipts', 1, 3],
      ],
    );
    assert.equal(streams.userData.horizon, 3);
  });

  it('tells every process of every change, in order, while two write', async () => {
    await using parts = await prepare();
    await using one = await parts.open();
    await using other = await parts.open();
    await using reader = await parts.open();
    const seen: number[] = [];
    let last = 0;
    const look = (): void => {
      const changes = reader.userData.since(last);
      assert.ok(changes);
      seen.push(...changes.map(({ pos }) => pos));
      last = reader.userData.horizon;
    };
    const write = async (streams: Streams, name: string): Promise<void> => {
      for (let n = 0; n < 40; n += 1) {
        await setType(streams, 1, `${name}${n}`);
        if (n % 7 === 0) await assert.rejects(setType(streams, 1, '\0'));
        look();
      }
    };
    await Promise.all([write(one, 'one'), write(other, 'other')]);
    await reader.catchUp();
    look();
    const rows = await parts.database.query(accountDataTypes, []);
    assert.equal(rows.length, 80);
    assert.deepEqual(
      seen,
      rows.map(({ pos }) => pos),
    );
  });

  it('wakes who waits in another process, and nobody whom it does not concern', async () => {
    await using parts = await prepare();
    await using one = await parts.open();
    await using other = await parts.open();
    const concerned = waitFor(other, 1, other.horizons);
    let woken = false;
    const unconcerned = waitFor(other, 2, other.horizons).then((quietUpTo) => {
      woken = true;
      return quietUpTo;
    });
    await setType(one, 1, 'news');
    assert.deepEqual(await concerned, [0, 0, 0, 0, 0]);
    assert.equal(other.userData.horizon, 1);
    assert.equal(woken, false);
    await one.write('ephemeral', (tx) =>
      tx.add({ typing: [{ roomNid: 1, userNid: 3, expiresAt: 1, isTyping: true }] }),
    );
    assert.deepEqual(await unconcerned, [0, 1, 0, 0, 0], 'what has passed is not looked at again');
  });

  it('knows after a restart how far it was, though the rows are gone', async () => {
    await using parts = await prepare();
    const before = await (async () => {
      await using streams = await parts.open();
      const message = { deviceNid: 1, userNid: 1, sender: '@a:a', type: 't', content, messageId: null };
      await streams.write('toDevice', (tx) => tx.add({ toDevice: [message, message] }));
      return streams.toDevice.horizon;
    })();
    assert.equal(before, 2);
    await parts.database.query(statement<unknown>('test_forget', 'delete from to_device_messages'), []);
    await using streams = await parts.open();
    assert.deepEqual(streams.horizons, [0, 0, 2, 0, 0]);
  });
});

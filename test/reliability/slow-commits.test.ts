/**
 * Proves that no reader skips a row whose writer was slow between taking its position and committing: several writers sleep
 * there at random. `CAUSEWAY_TEST_EVENTS` is how many each writes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { statement } from '#storage/database.ts';
import { findUnavailable } from '#storage/overload.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import { connect, type SqlClient } from '#test/reliability/own-postgres.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import type { TestDatabase } from '#test/support/test-database.ts';

const writerCount = 4;
const readerCount = 2;
const eventCount = Number(process.env['CAUSEWAY_TEST_EVENTS'] ?? 60);
const sleepMsMax = 10;

const logger = createLogger('error');
const alice = '@alice:hs1.test';

/** Deferred, so that it runs inside COMMIT, when the positions have been taken and nobody sees them yet. */
async function sleepInCommits(sql: SqlClient): Promise<void> {
  await sql.rows(
    `create function sleep_in_commit() returns trigger language plpgsql as $$
     begin
       if random() < 0.5 then perform pg_sleep(random() * ${sleepMsMax} / 1000); end if;
       return null;
     end $$`,
  );
  for (const table of ['events', 'account_data']) {
    await sql.rows(
      `create constraint trigger sleep after insert or update on ${table} deferrable initially deferred
       for each row execute function sleep_in_commit()`,
    );
  }
}

type Reader = { readonly seen: string[]; readonly end: () => Promise<void> };

/** Follows a stream as processes do that hear nothing: it reads again and again what comes after what it has seen. */
function follow(read: (after: number) => Promise<{ seen: readonly string[]; upTo: number }>, from: number): Reader {
  const seen: string[] = [];
  const ending = new AbortController();
  const step = async (after: number): Promise<number> => {
    // On a machine that is too busy a connection may not be had in time; then it is read once more.
    const page = await read(after).catch((error: unknown) => {
      if (findUnavailable(error) === undefined) throw error;
      return { seen: [], upTo: after };
    });
    seen.push(...page.seen);
    return page.upTo;
  };
  const run = async (): Promise<void> => {
    let at = from;
    while (!ending.signal.aborted) at = await step(at);
    await step(at);
  };
  const running = run();
  // Whoever ends it hears of its failure; until then nobody may be looking.
  running.catch(() => undefined);
  return {
    seen,
    end: async () => {
      ending.abort();
      await running;
    },
  };
}

async function readStream(
  streams: Streams,
  kind: 'events' | 'userData',
  after: number,
): Promise<{ seen: readonly string[]; upTo: number }> {
  const stream = streams[kind];
  await stream.catchUp();
  const facts = stream.since(after);
  assert.ok(facts !== undefined, 'the reader keeps up');
  return { seen: facts.map(({ pos }) => String(pos)), upTo: stream.horizon };
}

async function writeEvents(on: TestDatabase): Promise<void> {
  await using parts = await createRoomParts(on);
  const version = findRoomVersion('12');
  assert.ok(version);
  const first = [
    { sender: alice, type: 'm.room.create', state_key: '', content: { room_version: '12' } },
    { sender: alice, type: 'm.room.member', state_key: alice, content: { membership: 'join' } },
  ];
  const { roomId } = await parts.persistEvents({ room: { create: version }, events: first });
  for (let n = 0; n < eventCount; n++) {
    const message = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body: String(n) } };
    await parts.persistEvents({ room: { roomId }, events: [message] });
  }
}

const positionsOf = {
  events: statement<{ pos: number }>(
    'test_event_positions',
    'select pos from events where pos is not null order by pos',
  ),
  userData: statement<{ pos: number }>(
    'test_user_data_positions',
    // Of a row that was written again, only the newest position is left.
    'select pos from account_data order by pos',
  ),
};

test('R32: of writers that sleep between taking a position and committing, no reader skips an event', async (context) => {
  await using on = await createMigratedDatabase();
  await using sql = await connect(on.connection);
  await sleepInCommits(sql);
  await using readerParts = await createRoomParts(on);
  const { database, tries } = readerParts;
  const open = () => openStreams({ database, tries, clock: systemClock, logger });
  await using one = await open();
  await using other = await open();
  const readers = [one, other].map((streams) => follow((after) => readStream(streams, 'events', after), 0));
  assert.equal(readers.length, readerCount);
  await Promise.all(Array.from({ length: writerCount }, () => writeEvents(on)));
  await Promise.all(readers.map((reader) => reader.end()));
  const rows = await database.query(positionsOf.events, []);
  const written = rows.map(({ pos }) => String(pos));
  assert.equal(written.length, writerCount * (eventCount + 2));
  for (const { seen } of readers) assert.deepEqual(seen, written);
  context.diagnostic(`${written.length} events, 0 skipped by ${readerCount} readers`);
});

test('R32: the same for the streams beside events', async (context) => {
  await using on = await createMigratedDatabase();
  await using sql = await connect(on.connection);
  await sleepInCommits(sql);
  await using readerParts = await createRoomParts(on);
  const { database, tries } = readerParts;
  const open = () => openStreams({ database, tries, clock: systemClock, logger });
  await using reader = await open();
  const following = follow((after) => readStream(reader, 'userData', after), 0);
  const write = async (userNid: number): Promise<void> => {
    await using streams = await open();
    for (let n = 0; n < eventCount; n++) {
      const row = { userNid, roomNid: 0, type: `type ${n}`, content: '{}' };
      await streams.write('userData', (tx) => tx.add({ accountData: [row] }));
    }
  };
  await Promise.all(Array.from({ length: writerCount }, (_, n) => write(n + 1)));
  await following.end();
  const rows = await database.query(positionsOf.userData, []);
  assert.equal(rows.length, writerCount * eventCount);
  assert.deepEqual(
    following.seen,
    rows.map(({ pos }) => String(pos)),
  );
  context.diagnostic(`${rows.length} rows, 0 skipped`);
});

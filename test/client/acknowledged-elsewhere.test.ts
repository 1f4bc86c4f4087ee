/** Proves that what one process has acknowledged is in the next sync at another, and at itself, while both write. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { statement } from '#storage/database.ts';
import { answerSync } from '#sync/answer-sync.ts';
import { readSyncFilter } from '#sync/sync-filter.ts';
import { encode, openSession, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { openReadingProcess } from '#test/support/reading-process.ts';
import { findFreePort, startServerProcess, type ServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const ROUNDS = 10;

/** Writes to a room of its own, one message after the other, until it is stopped. */
async function writeUntil(writer: MatrixHttp, signal: AbortSignal): Promise<void> {
  const roomId = await writer.createRoom();
  for (let n = 0; !signal.aborted; n++) await writer.sendText(roomId, `beside ${n}`);
}

type Place = { readonly here: MatrixHttp; readonly there: MatrixHttp };

/** What is acknowledged at `here` is in what `there` is told from the beginning, and from a token on, at once. */
async function assertTold({ here, there }: Place): Promise<void> {
  const roomId = await here.createRoom();
  assert.ok((await there.sync()).join.has(roomId), 'a room that was just made');
  let since = (await there.sync()).nextBatch;
  const path = `/user/${encode(here.userId)}/rooms/${encode(roomId)}/account_data/test.round`;
  for (let round = 0; round < ROUNDS; round++) {
    const sent = await here.sendText(roomId, `${round}`);
    const whole = (await there.sync()).join.get(roomId);
    assert.equal(whole?.timeline.at(-1)?.event_id, sent, `an initial sync of round ${round}`);
    const next = await here.sendText(roomId, `${round}, again`);
    const later = await there.sync({ since, timeout: 0 });
    assert.equal(later.join.get(roomId)?.timeline.at(-1)?.event_id, next, `a sync of round ${round}`);
    since = later.nextBatch;
    assert.equal((await here.raw('PUT', path, { body: { round } })).status, 200);
    const data = (await there.sync()).join.get(roomId)?.raw['account_data'];
    assert.match(JSON.stringify(data), new RegExp(`"round":${round}}`), `account data of round ${round}`);
  }
}

async function assertToldEverywhere(env: Readonly<Record<string, string>>): Promise<void> {
  await using database = await createTestDatabase();
  const start = (): Promise<ServerProcess> => startServerProcess({ databaseUrl: database.url, env });
  await using one = await start();
  await using other = await start();
  const here = await registerUser(one.baseUrl);
  const there = openSession(other.baseUrl, here);
  const writer = await registerUser(other.baseUrl);
  const stop = new AbortController();
  const writing = writeUntil(writer, stop.signal);
  try {
    await assertTold({ here, there });
    await assertTold({ here, there: here });
  } finally {
    stop.abort();
    await writing;
  }
}

const selectDevice = statement<{ user_nid: number; device_nid: number }>(
  'test_select_device',
  'select user_nid, device_nid from users join devices using (user_nid) where user_id = $1',
);

describe('what was acknowledged is in the sync after it, at any process', () => {
  it('while wake-ups come', () => assertToldEverywhere({}));

  it('while no wake-up comes', async () => {
    await assertToldEverywhere({ CAUSEWAY_REDIS_URL: `redis://127.0.0.1:${await findFreePort()}` });
  });

  it('which costs an initial sync one query, and none who waits', async () => {
    await using database = await createTestDatabase();
    await using server = await startServerProcess({ databaseUrl: database.url });
    const alice = await registerUser(server.baseUrl);
    const roomId = await alice.createRoom();
    await using reader = await openReadingProcess(database);
    await reader.streams.catchUp();
    const [device] = await reader.database.query(selectDevice, [alice.userId]);
    const filter = readSyncFilter('{}');
    assert.ok(device && filter.ok);
    const parts = {
      ...reader,
      clock: systemClock,
      unreadCounts: reader.newCounts(),
      erasedUsers: { erasedPosOf: () => undefined },
      config: { presence: { enabled: false } },
      isLocal: () => true,
    };
    const sync = async (since: readonly [number, number, number, number, number] | undefined, timeoutMs: number) => {
      reader.asked.length = 0;
      const signal = AbortSignal.timeout(timeoutMs === 0 ? 10_000 : timeoutMs);
      const answer = await answerSync(parts, {
        userNid: device.user_nid,
        userId: alice.userId,
        deviceNid: device.device_nid,
        since,
        filter: filter.filter,
        fullState: false,
        stateAfterName: undefined,
        timeoutMs,
        signal,
      });
      return { answer, looks: reader.asked.filter((name) => /position|stream_events/.test(name)).length };
    };
    // Now and then the process looks by itself, which the least of several leaves out.
    const looks: number[] = [];
    const looksOfWaiting: number[] = [];
    for (let turns = 0; turns < 10; turns++) {
      const whole = await sync(undefined, 0);
      assert.ok(whole.answer.includes(roomId));
      looks.push(whole.looks);
      looksOfWaiting.push((await sync(reader.streams.horizons, 30)).looks);
    }
    assert.deepEqual([Math.min(...looks), Math.min(...looksOfWaiting)], [1, 0]);
  });
});

/** Proves from outside that two processes with a Redis lose nothing when it dies, and start and stop without it (R8, O29). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSession, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, isObject } from '#test/support/matrix-shapes.ts';
import { describeWithRedis, startRedis } from '#test/support/redis-process.ts';
import { startServerProcess, type ServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

async function ask(server: ServerProcess, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(server.metricsUrl + path);
  return { status: response.status, text: await response.text() };
}

/** Waits until the metric has the value, for half a minute at most. */
async function untilMetric(server: ServerProcess, line: RegExp): Promise<void> {
  for (let turns = 0; turns < 600; turns++) {
    if (line.test((await ask(server, '/metrics')).text)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${String(line)} did not come about:\n${server.output()}`);
}

const untilConnected = (server: ServerProcess): Promise<void> =>
  untilMetric(server, /^causeway_wake_ups_connected\{carrier="redis"\} 1$/m);
const untilAway = (server: ServerProcess): Promise<void> =>
  untilMetric(server, /^causeway_wake_ups_connected\{carrier="redis"\} 0$/m);

async function wakeUpsOf(server: ServerProcess): Promise<Record<string, unknown>> {
  const status: unknown = JSON.parse((await ask(server, '/status')).text);
  assert.ok(isObject(status));
  return asObject(status['wake_ups'], 'wake_ups');
}

/** Syncs on from a token until the event is told, and gives the next token. */
async function untilTold(reader: MatrixHttp, roomId: string, eventId: string, since: string): Promise<string> {
  for (let turns = 0; turns < 100; turns++) {
    const answer = await reader.sync({ since, timeout: 10_000 });
    since = answer.nextBatch;
    if (answer.join.get(roomId)?.timeline.some((event) => event.event_id === eventId) === true) return since;
  }
  throw new Error(`${eventId} of ${roomId} was not told.`);
}

describeWithRedis('two processes with a Redis', () => {
  it('go on when it dies, start while it is dead, use it when it is back, and stop cleanly', async () => {
    await using redis = await startRedis();
    await using database = await createTestDatabase();
    const start = (): Promise<ServerProcess> =>
      startServerProcess({ databaseUrl: database.url, env: { CAUSEWAY_REDIS_URL: redis.url } });
    await using first = await start();
    await using second = await start();
    await Promise.all([untilConnected(first), untilConnected(second)]);

    const alice = await registerUser(first.baseUrl);
    const bob = await registerUser(second.baseUrl);
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    let since = (await bob.sync()).nextBatch;
    const tell = async (text: string, reader = bob): Promise<void> => {
      const eventId = await alice.sendText(roomId, text);
      since = await untilTold(reader, roomId, eventId, since);
    };
    await tell('by Redis');
    await untilMetric(second, /^causeway_wake_ups_total\{direction="heard"\} [1-9]/m);

    await redis.kill();
    await Promise.all([untilAway(first), untilAway(second)]);
    for (const text of ['one', 'two', 'three']) await tell(text);
    for (const path of ['/health', '/ready']) assert.equal((await ask(first, path)).status, 200);
    const { carrier, connected, reason } = await wakeUpsOf(first);
    assert.deepEqual([carrier, connected], ['redis', false]);
    assert.match(String(reason), /ECONNREFUSED/);

    await second.stop();
    await using third = await start();
    const bobAgain = openSession(third.baseUrl, bob);
    await tell('read by a process that has never seen Redis', bobAgain);

    await redis.start();
    await Promise.all([untilConnected(first), untilConnected(third)]);
    await redis.command('flushall');
    await tell('after the return', bobAgain);
    await first.stop();
    redis.signal('SIGSTOP');
    await third.stop();
    for (const server of [first, second, third]) assert.doesNotMatch(server.output(), /[Uu]nhandled|"level":50/);
  });
});

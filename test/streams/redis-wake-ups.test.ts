/** Proves over a real Redis that processes wake each other by it, and that they lose nothing when it is away. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { pino } from 'pino';
import { systemClock } from '#core/clock.ts';
import { openDatabase, statement, type Database } from '#storage/database.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import { redisCarrier } from '#streams/wake-ups/redis-carrier.ts';
import { issueCertificate, makeAuthority } from '#test/support/certificate.ts';
import { describeWithRedis, startRedis } from '#test/support/redis-process.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const tries = { find: () => assert.fail('nothing is looked up in a trie') };

/** A database, and as many processes on it as are opened. */
async function prepare() {
  const stack = new AsyncDisposableStack();
  const lines: string[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  const logger = pino({ level: 'info' }, sink);
  const { connection } = stack.use(await createMigratedDatabase());
  const database = stack.use(openDatabase(connection, { poolSize: 8, logger }));
  return {
    database,
    logged: () => lines.join(''),
    open: (redisUrl: string): Promise<Streams> =>
      openStreams({ database, tries, clock: systemClock, logger, carrier: redisCarrier(redisUrl, database) }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function write(streams: Streams, type: string): Promise<void> {
  return streams.write('userData', (tx) => tx.add({ accountData: [{ userNid: 1, roomNid: 0, type, content: '{}' }] }));
}

/** Waits until the condition holds, for half a minute at most. */
async function until(condition: () => boolean, sentence: string): Promise<void> {
  for (let turns = 0; turns < 3_000; turns++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`It did not come about that ${sentence}.`);
}

const untilConnected = (...all: readonly Streams[]): Promise<void> =>
  until(() => all.every(({ wakeUps }) => wakeUps.connected), 'all are connected');
const untilLost = (streams: Streams): Promise<void> =>
  until(() => !streams.wakeUps.connected && streams.wakeUps.reason !== undefined, 'the loss is noticed');
const untilRead = (reader: Streams, writer: Streams): Promise<void> =>
  until(() => reader.userData.horizon >= writer.userData.horizon, 'the other reads what one has written');

const countListeners = statement<{ count: number }>(
  'test_count_listeners',
  `select count(*)::int as count from pg_stat_activity
   where datname = current_database() and application_name = 'causeway wake-ups'`,
);
const listeners = async (database: Database): Promise<unknown> => (await database.query(countListeners, []))[0]?.count;

const count = (text: string, part: string): number => text.split(part).length - 1;

describeWithRedis('wake-ups by Redis', () => {
  it('tell another process what was committed, and nothing is sent by NOTIFY', async () => {
    await using redis = await startRedis();
    await using parts = await prepare();
    await using one = await parts.open(redis.url);
    await using other = await parts.open(redis.url);
    await untilConnected(one, other);
    await write(one, 'a');
    await until(() => other.wakeUps.heard > 0, 'the other hears of it');
    await untilRead(other, one);
    assert.equal(one.wakeUps.carrier, 'redis');
    assert.equal(await listeners(parts.database), 0);
  });

  it('tell a process nothing of its own, and do not reach a server over another database', async () => {
    await using redis = await startRedis();
    await using parts = await prepare();
    await using elsewhere = await prepare();
    await using one = await parts.open(redis.url);
    await using other = await parts.open(redis.url);
    await using stranger = await elsewhere.open(redis.url);
    await untilConnected(one, other, stranger);
    const before = [one.wakeUps.heard, stranger.wakeUps.heard];
    const heardBefore = other.wakeUps.heard;
    for (let n = 0; n < 20; n++) await write(one, `type${n}`);
    await until(() => other.wakeUps.heard > heardBefore, 'the other hears');
    // Redis delivers in order: what one writes elsewhere afterwards comes after all that could have come.
    await write(other, 'last');
    await until(() => one.wakeUps.heard > (before[0] ?? 0), 'the one hears the other');
    assert.equal(one.wakeUps.heard - (before[0] ?? 0), other.wakeUps.sent);
    assert.equal(stranger.wakeUps.heard, before[1]);
  });

  it('are few, however much is committed', async () => {
    await using redis = await startRedis();
    await using parts = await prepare();
    await using one = await parts.open(redis.url);
    await untilConnected(one);
    const startedMs = performance.now();
    for (let n = 0; n < 300; n++) await write(one, `type${n}`);
    const messagesMax = 2 + (performance.now() - startedMs) / 5;
    assert.ok(one.wakeUps.sent >= 1 && one.wakeUps.sent <= messagesMax, `${one.wakeUps.sent} of ${messagesMax}`);
  });

  it('are not waited for at the start, and begin when Redis is there', async () => {
    await using redis = await startRedis();
    await redis.kill();
    await using parts = await prepare();
    await using one = await parts.open(redis.url);
    await using other = await parts.open(redis.url);
    await untilLost(one);
    assert.match(one.wakeUps.reason ?? '', /ECONNREFUSED/);
    await write(one, 'a');
    await untilRead(other, one);
    await redis.start();
    await untilConnected(one, other);
    await write(one, 'b');
    await until(() => other.wakeUps.heard > 0, 'the other hears of it');
  });

  it('come back after a crash of Redis, with one line of log for each change', async () => {
    await using redis = await startRedis();
    await using parts = await prepare();
    await using one = await parts.open(redis.url);
    await using other = await parts.open(redis.url);
    await untilConnected(one, other);
    await redis.kill();
    await Promise.all([untilLost(one), untilLost(other)]);
    for (let n = 0; n < 5; n++) {
      await write(one, `type${n}`);
      await untilRead(other, one);
    }
    await redis.start();
    await untilConnected(one, other);
    await write(other, 'after');
    await untilRead(one, other);
    assert.equal(count(parts.logged(), 'wake-ups of other processes are lost'), 2);
    assert.equal(count(parts.logged(), 'wake-ups of other processes are back'), 2);
    assert.equal(count(parts.logged(), '\n'), 4, parts.logged());
  });

  for (const [what, hang, goOn] of [
    ['a Redis that is stopped', (redis) => redis.signal('SIGSTOP'), (redis) => redis.signal('SIGCONT')],
    ['CLIENT PAUSE', (redis) => redis.command('client', 'pause', '8000'), () => undefined],
  ] as const satisfies readonly Hang[]) {
    it(`notice that nothing answers, and go on afterwards: ${what}`, async () => {
      await using redis = await startRedis();
      await using parts = await prepare();
      await using one = await parts.open(redis.url);
      await using other = await parts.open(redis.url);
      await untilConnected(one, other);
      await hang(redis);
      await write(one, 'during');
      await untilRead(other, one);
      await Promise.all([untilLost(one), untilLost(other)]);
      await write(one, 'known to be away');
      await untilRead(other, one);
      goOn(redis);
      await untilConnected(one, other);
      const { heard } = other.wakeUps;
      await write(one, 'after');
      await until(() => other.wakeUps.heard > heard, 'the other hears again');
    });
  }

  it('need no memory in Redis: it is full, and then emptied', async () => {
    await using redis = await startRedis(['--maxmemory', '1mb', '--maxmemory-policy', 'noeviction']);
    await using parts = await prepare();
    await using one = await parts.open(redis.url);
    await using other = await parts.open(redis.url);
    await untilConnected(one, other);
    await assert.rejects(async () => {
      for (let n = 0; n < 100; n++) await redis.command('set', `key${n}`, 'x'.repeat(100_000));
    }, /OOM/);
    const hears = async (type: string): Promise<void> => {
      const { heard } = other.wakeUps;
      await write(one, type);
      await until(() => other.wakeUps.heard > heard, `the other hears of ${type}`);
    };
    await hears('full');
    await redis.command('flushall');
    await hears('emptied');
    assert.equal(parts.logged(), '');
  });

  it('do without Redis when its password is another, which no log tells', async () => {
    await using redis = await startRedis(['--requirepass', 'the-right-one']);
    await using parts = await prepare();
    await using one = await parts.open(`redis://:the-wrong-one@127.0.0.1:${redis.port}`);
    await using other = await parts.open(redis.url);
    await Promise.all([untilLost(one), untilLost(other)]);
    assert.match(one.wakeUps.reason ?? '', /^WRONGPASS/);
    assert.match(other.wakeUps.reason ?? '', /^NOAUTH/);
    await write(one, 'a');
    await untilRead(other, one);
    assert.equal(count(parts.logged(), '\n'), 2);
    assert.doesNotMatch(parts.logged(), /the-wrong-one/);
    await using right = await parts.open(`redis://:the-right-one@127.0.0.1:${redis.port}`);
    await untilConnected(right);
  });

  it('go over TLS, to a Redis whose certificate can be verified and to no other', async () => {
    using directory = makeTemporaryDirectory();
    const authority = makeAuthority('Test authority');
    const { certificate, key } = issueCertificate('localhost', authority);
    const files = { cert: path.join(directory.path, 'cert.pem'), key: path.join(directory.path, 'key.pem') };
    writeFileSync(files.cert, certificate);
    writeFileSync(files.key, key);
    const tls = ['--tls-cert-file', files.cert, '--tls-key-file', files.key, '--tls-auth-clients', 'no'];
    await using redis = await startRedis();
    await redis.kill();
    // The port speaks TLS alone.
    await redis.start(['--port', '0', '--tls-port', String(redis.port), ...tls]);
    await using parts = await prepare();
    const url = `rediss://localhost:${redis.port}`;
    await using doubtful = await parts.open(url);
    await untilLost(doubtful);
    assert.match(doubtful.wakeUps.reason ?? '', /certificate/);
    const usual = getCACertificates('default');
    setDefaultCACertificates([...usual, authority.certificate]);
    try {
      await using one = await parts.open(url);
      await using other = await parts.open(url);
      await untilConnected(one, other);
      await write(one, 'a');
      await until(() => other.wakeUps.heard > 0, 'the other hears of it');
    } finally {
      setDefaultCACertificates(usual);
    }
  });
});

type Redis = Awaited<ReturnType<typeof startRedis>>;
type Hang = readonly [string, (redis: Redis) => unknown, (redis: Redis) => unknown];

/** Proves what happens when the server, PostgreSQL, or both are killed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { findRunningPostgres } from '#storage/embedded/find-running-postgres.ts';
import { ask, isAlive, startIn, startOtherServer, until } from '#test/embedded/start.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

test('the PostgreSQL of a killed server stays, and the next start goes on with it', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  other.process.kill('SIGKILL');
  await once(other.process, 'exit');
  assert.ok(isAlive(other.postgresPid));

  await using postgres = await startIn(directory.path);
  assert.equal(postgres.pid(), other.postgresPid);
  assert.deepEqual(await ask(postgres.connection, 'select 1 as one'), { one: 1 });
});

test('an adopted PostgreSQL is stopped like any other', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  other.process.kill('SIGKILL');
  await once(other.process, 'exit');
  await (await startIn(directory.path))[Symbol.asyncDispose]();
  assert.ok(!isAlive(other.postgresPid));
});

test('a PostgreSQL that was started with other settings is replaced', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  other.process.kill('SIGKILL');
  await once(other.process, 'exit');
  await using postgres = await startIn(directory.path, { settings: { max_connections: '17' } });
  assert.ok(!isAlive(other.postgresPid));
  assert.deepEqual(await ask(postgres.connection, 'show max_connections'), { max_connections: '17' });
});

test('a server that ends without stopping anything takes PostgreSQL with it', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  other.process.stdin?.write('exit\n');
  await once(other.process, 'exit');
  await until(() => !isAlive(other.postgresPid), 'PostgreSQL had ended');
});

test('a PostgreSQL that dies is started again, each time, and keeps what it had acknowledged', async () => {
  using directory = makeTemporaryDirectory();
  await using postgres = await startIn(directory.path);
  const { connection } = postgres;
  await ask(connection, 'create table kept (round int primary key)');
  const crashes: string[] = [];
  postgres.onCrash(({ reason }) => crashes.push(reason));
  for (const round of [1, 2, 3]) {
    await ask(connection, `insert into kept values (${round})`);
    const killed = postgres.pid();
    process.kill(killed, 'SIGKILL');
    await until(() => postgres.pid() !== killed, 'PostgreSQL ran again');
    const row = await ask(connection, 'select array_agg(round order by round) as rounds from kept');
    assert.deepEqual(row, { rounds: [1, 2, 3].slice(0, round) });
  }
  assert.deepEqual(crashes, ['signal SIGKILL', 'signal SIGKILL', 'signal SIGKILL']);
});

test('an adopted PostgreSQL that dies is started again', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  other.process.kill('SIGKILL');
  await once(other.process, 'exit');
  await using postgres = await startIn(directory.path);
  process.kill(other.postgresPid, 'SIGKILL');
  await until(() => postgres.pid() !== other.postgresPid, 'PostgreSQL ran again');
  assert.deepEqual(await ask(postgres.connection, 'select 1 as one'), { one: 1 });
});

test('a stop while PostgreSQL is being started again leaves no process', async () => {
  using directory = makeTemporaryDirectory();
  const postgres = await startIn(directory.path);
  const killed = postgres.pid();
  const crashed = Promise.withResolvers<void>();
  postgres.onCrash(() => crashed.resolve());
  process.kill(killed, 'SIGKILL');
  await crashed.promise;
  await postgres[Symbol.asyncDispose]();
  assert.ok(!isAlive(postgres.pid()));
  assert.equal(findRunningPostgres(directory.path), undefined);
});

test('after the server and PostgreSQL were killed together, a start recovers', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  const connection = findRunningPostgres(directory.path);
  assert.ok(connection);
  await ask(connection, 'create table kept as select 42 as answer');
  other.process.kill('SIGKILL');
  process.kill(other.postgresPid, 'SIGKILL');
  await once(other.process, 'exit');
  await using postgres = await startIn(directory.path);
  assert.deepEqual(await ask(postgres.connection, 'select answer from kept'), { answer: 42 });
});

const leftOverPidFiles = {
  'of a process that is not PostgreSQL': `${process.pid}\n/nowhere\n1\n5432\n/nowhere\n\n1 1\nready\n`,
  'of a process that is gone': '2147483646\n/nowhere\n1\n5432\n/nowhere\n\n1 1\nready\n',
  'that a full disk left empty': '',
};
for (const [what, content] of Object.entries(leftOverPidFiles)) {
  test(`a left-over postmaster.pid ${what} is no obstacle`, async () => {
    using directory = makeTemporaryDirectory();
    const { dataDirectory } = await startIn(directory.path).then(async (postgres) => {
      await postgres[Symbol.asyncDispose]();
      return postgres;
    });
    writeFileSync(path.join(dataDirectory, 'postmaster.pid'), content);
    await using postgres = await startIn(directory.path);
    assert.deepEqual(await ask(postgres.connection, 'select 1 as one'), { one: 1 });
  });
}

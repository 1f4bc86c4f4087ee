/** Owns `npm test`: runs the test files with a Node.js that can, and passes on its exit code. */
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { findBundledNode, isNewEnough, nodeNeeded } from '#find-node.js';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const everything = ['src', 'bridges', 'test/!(bench)'].filter(
  (folder) => folder.includes('!') || existsSync(path.join(root, folder)),
);

/**
 * `npm test -- src/matrix` runs the tests below a folder, `npm test -- test/embedded/lock.test.ts` one file; what begins
 * with a dash is for Node's own test runner.
 */
const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('-'));
const named = words.filter((word) => !word.startsWith('-'));
const files = (named.length > 0 ? named : everything).map((name) => {
  const isFile = existsSync(path.join(root, name)) && statSync(path.join(root, name)).isFile();
  return isFile ? name : `${name.replace(/\/+$/, '')}/**/*.test.ts`;
});

const node = isNewEnough(process.versions.node) ? process.execPath : findBundledNode();
if (node === undefined) {
  console.error(nodeNeeded());
  process.exit(1);
}
const child = spawn(
  node,
  [
    '--test',
    '--test-global-setup=test/support/global-setup.ts',
    '--test-concurrency=2',
    '--test-reporter=spec',
    ...options,
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => child.kill(signal));
}
child.on('error', (error) => {
  console.error(`${node} cannot be run: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? 'SIGTERM']));

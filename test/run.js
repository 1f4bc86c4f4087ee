/** Owns `npm test`: runs the test files with a Node.js that can, and passes on its exit code. */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBundledNode, isNewEnough, nodeNeeded } from '#find-node.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const everything = [
  'src/**/*.test.ts',
  'bridges/**/*.test.ts',
  'test/*.test.ts',
  // The benchmarks take their time, and are run by npm run bench.
  'test/!(bench)/**/*.test.ts',
];

/**
 * `npm test -- src/matrix` runs the tests below a folder, `npm test -- test/embedded/start.test.ts` one file; what begins
 * with a dash is for Node's own test runner.
 */
const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('-'));
const named = words
  .filter((word) => !word.startsWith('-'))
  .map((word) => (isFolder(word) ? `${word}/**/*.test.ts` : word));
const files = named.length > 0 ? named : everything;

/** @param {string} word */
function isFolder(word) {
  return statSync(path.join(root, word), { throwIfNoEntry: false })?.isDirectory() === true;
}

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

/** Owns `npm test`: runs the test files with a Node.js that can, and passes on its exit code. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
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
// Only a run of everything can tell which operations no test has seen.
const records = named.length > 0 ? undefined : mkdtempSync(path.join(tmpdir(), 'causeway-records-'));
const env = records === undefined ? process.env : { ...process.env, CAUSEWAY_TEST_RECORDS: records };
const child = spawn(
  node,
  [
    '--test',
    '--import=./test/operations/record.ts',
    '--test-global-setup=test/support/global-setup.ts',
    '--test-concurrency=2',
    '--test-reporter=spec',
    ...options,
    ...files,
  ],
  { cwd: root, stdio: 'inherit', env },
);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => child.kill(signal));
}
child.on('error', (error) => {
  console.error(`${node} cannot be run: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  const failed = code ?? 128 + constants.signals[signal ?? 'SIGTERM'];
  const unseen = failed === 0 && records !== undefined ? checkOperations(node, env) : 0;
  if (records !== undefined) rmSync(records, { recursive: true, force: true });
  process.exit(failed || unseen);
});

/**
 * @param {string} runtime
 * @param {NodeJS.ProcessEnv} environment
 */
function checkOperations(runtime, environment) {
  return spawnSync(runtime, ['test/operations/main.ts'], { cwd: root, stdio: 'inherit', env: environment }).status ?? 1;
}

#!/usr/bin/env node
/** Owns the first moments of the program: finding a Node.js that can run it, in plain JavaScript that any Node reads. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findBundledNode, isNewEnough, memoryFlags, nodeNeeded } from './find-node.js';

const script = fileURLToPath(import.meta.url);
const args = process.argv.slice(2);

if (isNewEnough(process.versions.node)) {
  limitMemory();
  await runHere();
} else {
  const node = findBundledNode();
  if (node === undefined) fail(nodeNeeded());
  else runWith(node);
}

/**
 * V8 reads the flag only when its heap is made, so that `v8.setFlagsFromString` comes too late. Replacing the process
 * by itself took 26 ms in measurements, and a load that allocates a lot then stays at 75 MB instead of 120 MB. The heap may
 * double before it is cleaned, where V8 on a machine with much memory waits for up to four times as much (699 MB after the
 * rows of the benchmark). By half costs a fifth of the sends, by double nothing that could be measured.
 * The C library likewise reads its settings once: without them it keeps what threads have freed (password hashes above
 * all), 347 MB instead of 222 MB after the same load.
 */
function limitMemory() {
  const flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  // A process with a channel to its parent, such as that of `node --watch`, would lose the channel.
  if (flags.includes('semi-space') || process.connected || typeof process.execve !== 'function') return;
  const env = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', ...process.env };
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...memoryFlags, script, ...args], env);
}

async function runHere() {
  // Not in the shared directory for temporary files, where others could put code for us to run.
  nodeModule.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/causeway', import.meta.url)));
  // A checkout runs its TypeScript; a package runs what was made of it, since Node strips no types below node_modules.
  const isCheckout = existsSync(new URL('./main.ts', import.meta.url));
  await import(new URL(isCheckout ? './main.ts' : '../dist/main.js', import.meta.url).href);
  // Everything has been stopped in order by now; whatever is still open must not keep the process.
  process.exit();
}

/** @param {string} node the program to run instead of this one */
function runWith(node) {
  const child = spawn(node, [...memoryFlags, script, ...args], { stdio: 'inherit' });
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} cannot be run (${error.message}). ${nodeNeeded()}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? 'SIGTERM']));
}

/** @param {string} sentence */
function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** Proves that src/bin.js finds a Node.js that can run the program, and is no barrier between it and its caller. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const src = path.resolve(import.meta.dirname, '../../src');
/** Makes the Node.js that runs the tests claim to be another version. */
function claim(version: string): string {
  const versions = `{value:{...process.versions,node:'${version}'}}`;
  return `--import=data:text/javascript,Object.defineProperty(process,'versions',${versions})`;
}
const asOldNode = claim('20.20.2');

/** A project with nothing but the launcher and this main module. */
function makeProject(root: string, main: string): string {
  mkdirSync(path.join(root, 'src'));
  for (const file of ['bin.js', 'find-node.js']) copyFileSync(path.join(src, file), path.join(root, 'src', file));
  writeFileSync(path.join(root, 'src/main.ts'), main);
  writeFileSync(path.join(root, 'package.json'), '{ "type": "module" }');
  return path.join(root, 'src/bin.js');
}

function addBundledNode(root: string): void {
  const folder = path.join(root, `node_modules/node-${process.platform}-${process.arch}`);
  mkdirSync(path.join(folder, 'bin'), { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{}');
  symlinkSync(process.execPath, path.join(folder, 'bin/node'));
}

const printsItself = `const flags: string[] = process.execArgv;
console.log(JSON.stringify({ node: process.versions.node, flags, args: process.argv.slice(2) }));
process.exitCode = 7;`;
const expected = {
  node: process.versions.node,
  flags: ['--max-semi-space-size=8', '--heap-growing-percent=100'],
  args: ['start', '--config', 'a b'],
};

test('a new enough Node.js runs the program itself, with arguments, exit code and less memory', () => {
  using directory = makeTemporaryDirectory();
  const bin = makeProject(directory.path, printsItself);
  const { stdout, stderr, status } = spawnSync(process.execPath, [bin, 'start', '--config', 'a b'], {
    encoding: 'utf8',
  });
  assert.deepEqual(JSON.parse(stdout), expected);
  assert.equal(stderr, '');
  assert.equal(status, 7);
});

test('an old Node.js hands over to the one that npm brought', () => {
  using directory = makeTemporaryDirectory();
  const bin = makeProject(directory.path, printsItself);
  addBundledNode(directory.path);
  const args = [asOldNode, bin, 'start', '--config', 'a b'];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(stdout), expected);
  assert.equal(status, 7);
});

test('an old Node.js passes on signals, and the exit code that comes of them', async () => {
  using directory = makeTemporaryDirectory();
  const bin = makeProject(
    directory.path,
    `const stop = Promise.withResolvers<string>();
     for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop.resolve);
     console.log('ready');
     const alive = setInterval(() => {}, 1000);
     process.exitCode = { SIGINT: 11, SIGTERM: 12, SIGHUP: 13 }[await stop.promise] ?? 1;
     clearInterval(alive);`,
  );
  addBundledNode(directory.path);
  for (const [signal, code] of [
    ['SIGINT', 11],
    ['SIGTERM', 12],
    ['SIGHUP', 13],
  ] as const) {
    const child = spawn(process.execPath, [asOldNode, bin], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [code, null]);
  }
});

for (const version of ['18.20.8', '20.20.2', '24.2.0', '24.11.9']) {
  test(`without any Node.js that can run it, one sentence names the one to install instead of ${version}`, () => {
    using directory = makeTemporaryDirectory();
    const bin = makeProject(directory.path, printsItself);
    const { stderr, status } = spawnSync(process.execPath, [claim(version), bin], { encoding: 'utf8' });
    assert.match(stderr, /^Causeway needs Node\.js 24\.12 or newer and this is [\d.]+: install it from .*\n$/);
    assert.ok(stderr.includes(version));
    assert.equal(status, 1);
  });
}

/** Proves that the npm package starts a server in an empty directory, under the Node that runs the tests and an older one. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { killProcessesOf } from '#test/support/processes.ts';
import { findFreePort } from '#test/support/server-process.ts';
import { makeTemporaryDirectory, type TemporaryDirectory } from '#test/support/temporary-directory.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = path.join(root, 'node_modules');
const startMs = 30_000;

describe('the npm package', () => {
  let directory: TemporaryDirectory | undefined;
  let home = '';

  before(() => {
    directory = makeTemporaryDirectory();
    home = path.join(directory.path, 'installed');
    install(pack(path.join(directory.path, 'checkout')), home);
  });
  after(() => directory?.[Symbol.dispose]());

  it('starts in an empty directory and stops in order', async () => {
    await startAndStop(process.execPath, home, path.join(home, 'newer'));
  });

  const older = findOlderNode();
  const skip = older === undefined ? 'The PATH has no Node.js that is too old to run Causeway by itself.' : false;
  it('starts under a Node that is too old for it, by the one that npm brought along', { skip }, async () => {
    assert.ok(older !== undefined);
    await startAndStop(older, home, path.join(home, 'older'));
  });

  it('holds what it needs and no tests', () => {
    const packed = readdirSync(path.join(home, 'node_modules/causeway'), { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      packed.filter((name) => /\.test\.|\.ts$|^test|^src\/(?!bin\.js|find-node\.js)/.test(name)),
      [],
    );
    for (const name of ['LICENSE', 'README.md', 'config.example.yaml', 'dist/main.js'])
      assert.ok(packed.includes(name));
  });
});

/** Packs a copy of the tree, as packing writes into it; gives the file. */
function pack(checkout: string): string {
  mkdirSync(checkout);
  for (const name of [
    'package.json',
    'README.md',
    'LICENSE',
    'config.example.yaml',
    'src',
    'migrations',
    'deploy/npm',
  ]) {
    cpSync(path.join(root, name), path.join(checkout, name), { recursive: true });
  }
  symlinkSync(modules, path.join(checkout, 'node_modules'));
  execFileSync('npm', ['pack', '--silent', '--offline'], { cwd: checkout, stdio: 'pipe' });
  const file = readdirSync(checkout).find((name) => name.endsWith('.tgz'));
  assert.ok(file !== undefined);
  return path.join(checkout, file);
}

/** What npm does with the file, with links to the dependencies that are here already. */
function install(file: string, home: string): void {
  const target = path.join(home, 'node_modules/causeway');
  mkdirSync(target, { recursive: true });
  chmodSync(home, 0o755);
  execFileSync('tar', ['-xzf', file, '-C', target, '--strip-components=1']);
  for (const name of readdirSync(modules)) {
    if (!name.startsWith('.')) symlinkSync(path.join(modules, name), path.join(home, 'node_modules', name));
  }
}

/** The first Node of the PATH that is older than this one; a package's `bin` runs under whatever is there. */
function findOlderNode(): string | undefined {
  const found = (process.env['PATH'] ?? '').split(path.delimiter).map((folder) => path.join(folder, 'node'));
  return found.find((node) => {
    if (!existsSync(node)) return false;
    const version = /^v(\d+)\./.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }));
    return Number(version?.[1]) >= 20 && Number(version?.[1]) < 24;
  });
}

async function startAndStop(node: string, home: string, cwd: string): Promise<void> {
  mkdirSync(cwd);
  const port = await findFreePort();
  const child = spawn(node, [path.join(home, 'node_modules/causeway/src/bin.js'), 'start'], {
    cwd,
    env: { PATH: process.env['PATH'], CAUSEWAY_LISTEN: `127.0.0.1:${port}`, CAUSEWAY_METRICS_LISTEN: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => output.push(text));
  const exited = once(child, 'exit');
  try {
    const versions = await awaitVersions(`http://127.0.0.1:${port}`, () => child.exitCode === null);
    assert.match(versions, /"versions":\[/, output.join(''));
    for (const file of ['/', '/web/main.js', '/web/style.css', '/web/uqr.js']) {
      const page = await fetch(`http://127.0.0.1:${port}${file}`);
      assert.equal(page.status, 200, `${file}: ${await page.text()}`);
    }
    child.kill('SIGINT');
    assert.deepEqual(await exited, [0, null], output.join(''));
    assert.deepEqual(readdirSync(cwd), ['data']);
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL');
    await killProcessesOf(path.join(cwd, 'data'));
  }
}

/** The answer of the server once there is one; empty when it ended or did not answer in time. */
async function awaitVersions(url: string, isRunning: () => boolean): Promise<string> {
  const deadline = performance.now() + startMs;
  while (isRunning() && performance.now() < deadline) {
    const answer = await fetch(`${url}/_matrix/client/versions`, { signal: AbortSignal.timeout(2_000) })
      .then((response) => response.text())
      // Nothing listens yet.
      .catch(() => undefined);
    if (answer !== undefined) return answer;
    await delay(25);
  }
  return '';
}

/** Proves the exit codes and the words of the command line. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { commands } from '#cli/commands.ts';

const main = path.resolve(import.meta.dirname, '../main.ts');

function causeway(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

test('help lists every command, and is what a call without a command prints', () => {
  const { status, stdout } = causeway(['help']);
  assert.equal(status, 0);
  for (const { name, summary } of commands) assert.ok(stdout.includes(name) && stdout.includes(summary));
  assert.equal(causeway([]).stdout, stdout);
});

test('every command has a help of its own, which names it and fits into a terminal', async () => {
  for (const { name, load } of commands) {
    const { help } = await load();
    assert.ok(help.startsWith(`Usage: causeway ${name}`), name);
    assert.ok(
      help.split('\n').every((line) => line.length <= 100),
      name,
    );
  }
  assert.match(causeway(['help', 'start']).stdout, /^Usage: causeway start/);
  assert.match(causeway(['start', '--help']).stdout, /^Usage: causeway start/);
});

test('the version is printed', () => {
  assert.match(causeway(['version']).stdout, /^Causeway \d+\.\d+\.\d+, Node\.js \d+/);
});

test('an unknown command and an unknown option are wrong usage: exit code 2', () => {
  assert.deepEqual(causeway(['strat']), {
    status: 2,
    stdout: '',
    stderr: 'There is no command "strat".\nSee: causeway help\n',
  });
  const { status, stderr } = causeway(['start', '--prot=1']);
  assert.equal(status, 2);
  assert.match(stderr, /Unknown option '--prot'/);
});

test('a wrong configuration is told without a stack: exit code 1', () => {
  const { status, stderr } = causeway(['check-config'], { CAUSEWAY_LISTEN: 'nowhere' });
  assert.equal(status, 1);
  assert.match(stderr, /CAUSEWAY_LISTEN: "nowhere" is not allowed/);
  assert.doesNotMatch(stderr, /\n {4}at /);
});

test('a right configuration is told in short', () => {
  const { status, stdout } = causeway(['check-config'], { CAUSEWAY_SERVER_NAME: 'example.org' });
  assert.equal(status, 0);
  assert.match(stdout, /server name {3}example\.org\n/);
});

test('create-user without a terminal wants the password from standard input', () => {
  const { status, stderr } = causeway(['create-user', 'alice']);
  assert.equal(status, 2);
  assert.match(stderr, /--password-stdin/);
});

test('health is exit code 0 for a ready server and 1 with the reason otherwise', async () => {
  const answers = [
    { status: 200, text: 'ready' },
    { status: 503, text: 'not ready: the database is away' },
  ];
  const server = createServer((request, response) => {
    const { status, text } =
      request.url === '/ready' ? (answers.shift() ?? { status: 500, text: '' }) : { status: 404, text: '' };
    response.writeHead(status).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const env = { CAUSEWAY_METRICS_LISTEN: `0.0.0.0:${address.port}` };
  const ask = async () => {
    const { promise, resolve } = Promise.withResolvers<{ code: unknown; stderr: string }>();
    execFile(process.execPath, [main, 'health'], { env: { ...process.env, ...env } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
    return promise;
  };
  assert.deepEqual(await ask(), { code: 0, stderr: '' });
  const unready = await ask();
  assert.equal(unready.code, 1);
  assert.match(unready.stderr, /^http:\/\/127\.0\.0\.1:\d+\/ready answers 503: not ready: the database is away\n$/);
  server.close();
  await once(server, 'close');
  const absent = await ask();
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /does not answer: .*ECONNREFUSED/);
});

/** Proves what `causeway status` says of a server that runs, and of one that does not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { registerUser } from '#test/support/matrix-http.ts';
import { asArray, asObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { startServerProcess, testServerName, type ServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function runStatus(server: ServerProcess, databaseUrl: string, ...options: string[]): Promise<string> {
  const child = spawn(process.execPath, ['src/bin.js', 'status', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      CAUSEWAY_SERVER_NAME: testServerName,
      CAUSEWAY_DATABASE_URL: databaseUrl,
      CAUSEWAY_METRICS_LISTEN: new URL(server.metricsUrl).host,
    },
  });
  const [output, code] = await Promise.all([
    child.stdout.setEncoding('utf8').toArray(),
    new Promise((resolve) => child.once('exit', resolve)),
  ]);
  assert.equal(code, 0);
  return output.join('');
}

test('status says what runs and how large it is, and that a server which was stopped does not run', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  const alice = await registerUser(server.baseUrl);
  await registerUser(server.baseUrl);
  await alice.createRoom();
  const read = async (): Promise<JsonObject> =>
    asObject(JSON.parse(await runStatus(server, database.url, '--json')), 'status');

  const running = await read();
  const process = asObject(running['process'], 'process');
  assert.equal(process['pid'], server.pid);
  assert.deepEqual(process['addresses'], [server.baseUrl]);
  assert.deepEqual(asArray(process['last_errors'], 'last_errors'), []);
  const held = asObject(running['database'], 'database');
  assert.deepEqual([held['users'], held['rooms']], [2, 1]);
  assert.ok(Number(held['bytes']) > 1_000_000);
  assert.equal(text(running, 'server_name'), testServerName);
  const words = await runStatus(server, database.url);
  assert.match(words, /^Users +2$/m);
  assert.match(words, /^Last errors +none$/m);

  await server.stop();
  assert.equal((await read())['process'], null);
  assert.match(await runStatus(server, database.url), /^Server +is not running$/m);
});

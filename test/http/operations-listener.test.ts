/** Proves the answers to monitoring. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { listen } from '#http/listen.ts';
import { createOperationsListener, type OperationsParts } from '#http/operations-listener.ts';

async function start(parts: Partial<OperationsParts> = {}) {
  const listener = createOperationsListener({
    status: () => ({ version: '1' }),
    checkReady: async () => {},
    readyMs: 100,
    metrics: new Registry(),
    ...parts,
  });
  return listen({ host: '127.0.0.1', port: 0, listener });
}

async function ask(port: number, path: string, method = 'GET'): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return [response.status, await response.text()];
}

test('health, readiness and metrics', async () => {
  let reason: string | undefined;
  await using server = await start({
    checkReady: async () => {
      if (reason !== undefined) throw new Error(reason);
    },
  });
  assert.deepEqual(await ask(server.port, '/health'), [200, 'alive\n']);
  assert.deepEqual(await ask(server.port, '/ready'), [200, 'ready\n']);
  reason = 'the database does not answer';
  assert.deepEqual(await ask(server.port, '/ready'), [503, 'not ready: the database does not answer\n']);
  assert.deepEqual(await ask(server.port, '/health?x'), [200, 'alive\n']);
  const [status, text] = await ask(server.port, '/metrics');
  assert.equal(status, 200);
  assert.match(text, /^nodejs_eventloop_lag_seconds /m);
  assert.match(text, /^process_resident_memory_bytes /m);
  assert.equal((await ask(server.port, '/other'))[0], 404);
  assert.equal((await ask(server.port, '/health', 'POST'))[0], 405);
});

test('a check that hangs is not ready, and is told to stop', async () => {
  let told = false;
  await using server = await start({
    checkReady: (signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => (told = true));
      }),
  });
  assert.deepEqual(await ask(server.port, '/ready'), [503, 'not ready: no answer within 100 ms\n']);
  assert.equal(told, true);
});

test('metrics that cannot be gathered are an error, not the end of the process', async () => {
  const metrics = new Registry();
  metrics.metrics = () => Promise.reject(new Error('odd collector'));
  await using server = await start({ metrics });
  assert.equal((await ask(server.port, '/metrics'))[0], 500);
  assert.equal((await ask(server.port, '/health'))[0], 200);
});

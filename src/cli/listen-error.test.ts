/** Proves that an address which cannot be listened on is one sentence that names the key. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { loadConfig } from '#config/load.ts';
import { explainListenError } from '#cli/listen-error.ts';

async function takePort(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** The error that Node gives when the address is in use. */
async function listenError(port: number): Promise<unknown> {
  const server = createServer();
  const failed = once(server, 'error');
  server.listen(port, '127.0.0.1');
  const [error]: unknown[] = await failed;
  return error;
}

test('a port in use names the key of the listener that wanted it', async () => {
  await using taken = await takePort();
  const error = await listenError(taken.port);
  const address = `127.0.0.1:${taken.port}`;
  const forMatrix = explainListenError(error, loadConfig({ env: { CAUSEWAY_LISTEN: address } }));
  assert.equal(
    forMatrix?.message,
    `Another program already listens on ${address}: stop it, or set listen (CAUSEWAY_LISTEN) to another address, ` +
      `such as 127.0.0.1:${taken.port + 1}.`,
  );
  const forMetrics = explainListenError(error, loadConfig({ env: { CAUSEWAY_METRICS_LISTEN: address } }));
  assert.match(forMetrics?.message ?? '', /set metrics\.listen \(CAUSEWAY_METRICS_LISTEN\) to another address/);
});

test('any other error is left alone', () => {
  assert.equal(explainListenError(new Error('odd'), loadConfig({ env: {} })), undefined);
});

/** Proves over TLS that another server is limited in how often it asks, and how much at a time, by its signature alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpoint } from '#http/endpoint.ts';
import { writeXMatrix } from '#matrix/x-matrix.ts';
import { startNode, type NodeContext } from '#test/federation/federation-node.ts';
import { startPeer, type Peer, type PeerAnswer } from '#test/support/peer.ts';
import { until } from '#test/http/test-http.ts';

const env = {
  CAUSEWAY_RATE_LIMITS_CLASSES_FEDERATION_PER_SECOND: '0.01',
  CAUSEWAY_RATE_LIMITS_CLASSES_FEDERATION_BURST: '5',
  CAUSEWAY_RATE_LIMITS_SERVER_REQUESTS_MAX: '2',
};

const path = '/_matrix/federation/v1/example/';

/** Answers, but to `slow` only when what is added to `waiting` is called. */
const exampleRow = (waiting: (() => void)[] = []) =>
  endpoint({
    operation: 'federation.example',
    method: 'GET',
    path: `${path}{word}`,
    auth: 'server',
    rateLimit: 'none',
    spec: 'own: test',
    handler: async (_context: NodeContext, { params, principal }) => {
      if (params.word === 'slow') await new Promise<void>((resolve) => void waiting.push(resolve));
      return { ...principal };
    },
  });

function assertLimited({ status, body, headers }: PeerAnswer, retryMsMin: number): void {
  assert.deepEqual([status, body['errcode']], [429, 'M_LIMIT_EXCEEDED']);
  const retryMs = Number(body['retry_after_ms']);
  assert.ok(retryMs >= retryMsMin, `${retryMs} ms`);
  assert.equal(Number(headers['retry-after']), Math.ceil(retryMs / 1000));
}

test('a server that asks too often is told when to come back, and no other is for what it signs not', async () => {
  await using node = await startNode('limited.localhost', [exampleRow()], env);
  await using one = await startPeer('one.localhost');
  await using other = await startPeer('other.localhost');
  const ask = (peer: Peer): Promise<PeerAnswer> => peer.ask(node, 'GET', `${path}quick`);
  // Somebody who only says to be the first one takes nothing from it.
  const forged = writeXMatrix({
    origin: one.name,
    destination: node.name,
    keyId: one.signer.key.keyId,
    signature: 'x',
  });
  for (let count = 0; count < 8; count++) {
    const { status } = await other.ask(node, 'GET', `${path}quick`, undefined, { authorization: forged });
    assert.equal(status, 401);
  }
  for (let count = 0; count < 5; count++) assert.equal((await ask(one)).status, 200);
  assertLimited(await ask(one), 50_000);
  assert.equal((await ask(other)).status, 200);
});

test('a server has no more requests under way than it may, and may ask again when one is answered', async () => {
  const waiting: (() => void)[] = [];
  await using node = await startNode('limited.localhost', [exampleRow(waiting)], env);
  await using one = await startPeer('one.localhost');
  await using other = await startPeer('other.localhost');
  const ask = (peer: Peer, word: string): Promise<PeerAnswer> => peer.ask(node, 'GET', path + word);
  const slow = [ask(one, 'slow'), ask(one, 'slow')];
  await until(() => waiting.length === 2);
  assertLimited(await ask(one, 'quick'), 1_000);
  assert.equal((await ask(other, 'quick')).status, 200);
  waiting[0]?.();
  await Promise.race(slow);
  assert.equal((await ask(one, 'quick')).status, 200);
  waiting[1]?.();
  assert.deepEqual(
    (await Promise.all(slow)).map(({ status }) => status),
    [200, 200],
  );
});

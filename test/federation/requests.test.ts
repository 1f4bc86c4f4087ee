/** Proves requests between servers: whom they are from is known by their signature, and by nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Type } from 'typebox';
import { RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { startNode, type FederationNode, type NodeContext } from '#test/federation/federation-node.ts';
import { startFederation } from '#test/support/federated-servers.ts';
import { startPeer } from '#test/support/peer.ts';

const path = '/_matrix/federation/v1/example/{word}';
const rows = [
  endpoint({
    operation: 'federation.examplePut',
    method: 'PUT',
    path,
    auth: 'server',
    rateLimit: 'none',
    query: Type.Object({ q: Type.Optional(Type.String()) }),
    body: Type.Object({ n: Type.Optional(Type.Number()) }),
    spec: 'own: test',
    handler: (_context: NodeContext, { params, query, body, principal }) => ({
      ...params,
      ...query,
      ...body,
      ...principal,
    }),
  }),
  endpoint({
    operation: 'federation.exampleGet',
    method: 'GET',
    path,
    auth: 'server',
    rateLimit: 'none',
    spec: 'own: test',
    handler: (_context: NodeContext, { params, principal }) => {
      if (params.word === 'forbidden') throw new MatrixError('M_FORBIDDEN', 'Not this word.');
      return { ...params, ...principal };
    },
  }),
];

describe('requests between servers', () => {
  let one: FederationNode;
  let other: FederationNode;
  before(async () => {
    [one, other] = await Promise.all([startNode('one.localhost', rows), startNode('other.localhost', rows)]);
  });
  after(async () => {
    await Promise.all([one, other].map((node) => node[Symbol.asyncDispose]()));
  });
  const json = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

  test('a server asks another, which finds its key and knows it', async () => {
    const { client } = one.federation;
    const asked = await client.request(other.name, { method: 'GET', path: '/_matrix/federation/v1/example/a%20word' });
    assert.deepEqual(json(asked.bytes), { word: 'a word', origin: one.name });
    const put = { method: 'PUT', path: '/_matrix/federation/v1/example/x?q=%41b', body: '{"n": 1.50}' } as const;
    assert.deepEqual(json((await client.request(other.name, put)).bytes), {
      word: 'x',
      q: 'Ab',
      n: 1.5,
      origin: one.name,
    });
  });

  test('an answer that is an error says which, and everything else is unreachable', async () => {
    const { client } = one.federation;
    const asked = client.request(other.name, { method: 'GET', path: '/_matrix/federation/v1/example/forbidden' });
    await assert.rejects(asked, (error: unknown) => {
      assert.ok(error instanceof RemoteRefusal);
      assert.deepEqual([error.status, error.errcode, error.message], [403, 'M_FORBIDDEN', 'Not this word.']);
      return true;
    });
    for (const nowhere of ['nobody.localhost:1', one.name, 'no server name', '10.0.0.1:8448']) {
      await assert.rejects(client.request(nowhere, { method: 'GET', path: '/' }), RemoteUnreachable, nowhere);
    }
  });

  test('a peer of the tests is believed as any server is', async () => {
    await using peer = await startPeer();
    const answer = await peer.ask(other, 'PUT', '/_matrix/federation/v1/example/x', { n: 3 });
    assert.deepEqual([answer.status, answer.body], [200, { word: 'x', n: 3, origin: peer.name }]);
    assert.equal(peer.requests.filter(({ target }) => target === '/_matrix/key/v2/server').length, 1);
  });
});

test('whole servers federate with each other in one process', async () => {
  await using federation = await startFederation(2);
  await using peer = await startPeer();
  for (const server of federation.servers) {
    const answer = await peer.ask(server, 'GET', '/_matrix/key/v2/server');
    assert.equal(answer.body['server_name'], server.name);
    const user = await server.newUser('alice');
    assert.equal(user.userId, `@alice:${server.name}`);
  }
});

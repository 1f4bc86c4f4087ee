/** Proves requests between servers: whom they are from is known by their signature, and by nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Type } from 'typebox';
import { RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { parseJsonExactly } from '#matrix/parse-json.ts';
import { signText } from '#matrix/signing-keys.ts';
import { signedRequestText } from '#matrix/x-matrix.ts';
import { until } from '#test/http/test-http.ts';
import { startNode, type FederationNode, type NodeContext } from '#test/federation/federation-node.ts';
import { startFederation } from '#test/support/federated-servers.ts';
import { exchange, PeerReply, startPeer, type Peer, type PeerScript } from '#test/support/peer.ts';

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

describe('F1: the header of a request', () => {
  let node: FederationNode;
  let peer: Peer;
  before(async () => {
    [node, peer] = await Promise.all([startNode('one.localhost', rows), startPeer()]);
  });
  after(async () => {
    await Promise.all([node, peer].map((each) => each[Symbol.asyncDispose]()));
  });
  const target = '/_matrix/federation/v1/example/x';
  /** The parameters of a right header. */
  const parameters = (destination = node.name): Record<'origin' | 'destination' | 'key' | 'sig', string> => {
    const text = signedRequestText({ method: 'GET', target, origin: peer.name, destination, content: undefined });
    const { keyId } = peer.signer.key;
    return { origin: peer.name, destination, key: keyId, sig: signText(text, peer.signer.key) };
  };
  const statusOf = async (authorization: string | string[]): Promise<number> => {
    const { status, body } = await peer.ask(node, 'GET', target, undefined, { authorization });
    if (status !== 200) assert.deepEqual([status, body['errcode']], [401, 'M_UNAUTHORIZED']);
    return status;
  };

  test('F1: may be written in every way that the specification allows', async () => {
    const { origin, destination, key, sig } = parameters();
    const rest = `key="${key}",sig="${sig}"`;
    const right = [
      `X-Matrix origin="${origin}",destination="${destination}",${rest}`,
      `x-matrix   ${rest},destination="${destination}",origin="${origin}"`,
      `X-MATRIX ORIGIN="${origin}",Destination="${destination}",KEY="${key}",sIg="${sig}"`,
      `X-Matrix origin=${origin},destination=${destination},${rest}`,
      `X-Matrix origin="${origin}" ,\t destination="${destination}"  ,  ${rest}`,
      `X-Matrix origin="\\${origin}",destination="${destination}",${rest}`,
      `X-Matrix origin="${origin}",destination="${destination}",more="a \\" b",unknown=x,${rest}`,
      `X-Matrix origin="${origin}",${rest}`,
    ];
    for (const header of right) assert.equal(await statusOf(header), 200, header);
  });

  test('F1: in every other way is refused, with M_UNAUTHORIZED and a sentence', async () => {
    const { origin, destination, key, sig } = parameters();
    const header = `X-Matrix origin="${origin}",destination="${destination}",key="${key}",sig="${sig}"`;
    const wrong: (string | string[])[] = [
      [],
      [header, header],
      [header, 'Bearer token'],
      'Bearer token',
      'X-Matrix',
      'X-Matrix ',
      `X-Matrix origin="${origin}",destination="${destination}",key="${key}"`,
      `X-Matrix origin="${origin}",destination="${destination}",sig="${sig}"`,
      `X-Matrix destination="${destination}",key="${key}",sig="${sig}"`,
      `${header},`,
      `${header},origin="${origin}"`,
      `${header},SIG="${sig}"`,
      `${header},more="no end`,
      `${header} more=x`,
      `${header},more="${'x'.repeat(3_000)}"`,
      header.replace(origin, '').replace(',', ',,'),
      header.replace(sig, `${sig}=`),
      header.replace(sig, sig.slice(1)),
      header.replace(key, 'rsa:peer'),
      header.replace(`destination="${destination}"`, 'destination=""'),
      `X-Matrix ${Object.entries(parameters('somebody.test'))
        .map(([name, value]) => `${name}="${value}"`)
        .join(',')}`,
    ];
    for (const each of wrong) {
      // A signature that differs in its padding alone is the same signature.
      assert.equal(await statusOf(each), String(each).includes(`${sig}=`) ? 200 : 401, String(each));
    }
  });

  test('F1: is about the very bytes of target and body that come', async () => {
    for (const other of [
      `${target}?`,
      `${target}?a=b`,
      '/_matrix/federation/v1/example/%78',
      '/_matrix/federation/v1/example/y',
    ]) {
      const { status } = await peer.ask(node, 'GET', other, undefined, {
        authorization: peer.authorise(node.name, 'GET', target),
      });
      assert.equal(status, 401, other);
    }
    const body = { n: 1, extra: [1.5, 2 ** 53, 'é\u0000'] };
    const authorization = peer.authorise(node.name, 'PUT', target, body);
    assert.equal((await peer.ask(node, 'PUT', target, body, { authorization })).status, 200);
    for (const other of [{ ...body, n: 2 }, { ...body, more: 1 }, {}]) {
      assert.equal((await peer.ask(node, 'PUT', target, other, { authorization })).status, 401);
    }
    assert.equal((await peer.ask(node, 'PUT', target, undefined, { authorization })).status, 401);
    // Integers that no double holds are signed as they are.
    const large = '{"n":9007199254740993}';
    const exact = peer.authorise(node.name, 'PUT', target, parseJsonExactly(large));
    assert.equal((await exchange(node.name, 'PUT', target, large, { authorization: exact })).status, 200);
    const near = peer.authorise(node.name, 'PUT', target, JSON.parse(large));
    assert.equal((await exchange(node.name, 'PUT', target, large, { authorization: near })).status, 401);
  });
});

describe('a server that answers badly', () => {
  let node: FederationNode;
  let peer: Peer;
  const get = { method: 'GET', path: '/_matrix/federation/v1/version' } as const;
  before(async () => {
    const env = { CAUSEWAY_FEDERATION_REQUESTS_PER_SERVER_MAX: '3' };
    [node, peer] = await Promise.all([startNode('one.localhost', rows, env), startPeer()]);
  });
  after(async () => {
    await Promise.all([node, peer].map((each) => each[Symbol.asyncDispose]()));
  });
  const whileBackingOff = true;

  test('answers that are too large, packed, slow or not whole are ended at their limit', async () => {
    const scripts: [name: string, expected: RegExp, PeerScript][] = [
      ['large', /more than 1000 bytes/, () => ({ x: 'x'.repeat(2_000) })],
      ['endless', /more than 1000 bytes/, (_asked, response) => void setInterval(() => response.write('x'), 1).unref()],
      [
        'packed',
        /compressed/,
        (_asked, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      ],
      ['silent', /did not answer in 200 ms/, () => undefined],
      ['slow', /did not answer in 200 ms/, (_asked, response) => void response.writeHead(200).write('{')],
      ['broken', /broke off|aborted/, (_asked, response) => void response.write('{', () => response.destroy())],
      ['gone', /hang up|closed/, (_asked, response) => void response.destroy()],
      ['elsewhere', /status 302/, (_asked, response) => void response.writeHead(302, { location: '/' }).end()],
      ['proxy', /status 502/, () => new PeerReply(502, '<html>')],
    ];
    for (const [name, expected, script] of scripts) {
      peer.answer('GET', get.path, script);
      const limits = { timeoutMs: name === 'endless' ? 20_000 : 200, bytesMax: 1_000, whileBackingOff } as const;
      await assert.rejects(node.federation.client.request(peer.name, { ...get, ...limits }), (error: unknown) => {
        assert.ok(error instanceof RemoteUnreachable, `${name}: ${String(error)}`);
        assert.match(error.message, expected);
        return true;
      });
    }
    peer.answer('GET', get.path, () => ({ ok: true }));
    assert.equal((await node.federation.client.request(peer.name, { ...get, whileBackingOff })).status, 200);
  });

  test('no more requests than are allowed are under way to one server, and all together end', async () => {
    const waiting: (() => void)[] = [];
    const used = (): number | undefined =>
      node.federation.loads.find(({ name }) => name === 'federation_requests')?.used;
    peer.answer('GET', get.path, async () => {
      await new Promise<void>((resolve) => void waiting.push(resolve));
      return {};
    });
    const asked = Array.from({ length: 4 }, () => node.federation.client.request(peer.name, get));
    await assert.rejects(asked[3] ?? Promise.resolve(), /under way/);
    await until(() => waiting.length === 3);
    assert.equal(used(), 3);
    for (const release of waiting) release();
    await Promise.all(asked.slice(0, 3));
    assert.equal(used(), 0);
  });

  test('F16: a server that was not reached is left alone until it sends something', async () => {
    peer.answer('GET', get.path, () => new PeerReply(502, ''));
    await assert.rejects(node.federation.client.request(peer.name, get), /status 502/);
    peer.answer('GET', get.path, () => ({}));
    const before = peer.requests.length;
    await assert.rejects(node.federation.client.request(peer.name, get), /tried again later/);
    assert.equal(peer.requests.length, before);
    assert.equal((await peer.ask(node, 'GET', '/_matrix/federation/v1/example/x')).status, 200);
    assert.equal((await node.federation.client.request(peer.name, get)).status, 200);
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

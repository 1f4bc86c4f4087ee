/** Proves what happens to a request before its handler runs, and what becomes of what the handler returns or throws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { answer, rawJson } from '#http/answer.ts';
import { endpoint, jsonObject } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { errcodeOf, exchange, row, startHttp, TOKEN, unlimited, until } from '#test/http/test-http.ts';

const whoami = endpoint({
  operation: 'own.whoami',
  method: 'GET',
  path: '/_matrix/client/v3/whoami',
  auth: 'user',
  rateLimit: 'none',
  spec: 'own: test',
  handler: (_context, { principal }) => ({ user: principal.userId }),
});
const optional = endpoint({
  operation: 'own.optional',
  method: 'GET',
  path: '/_matrix/client/v3/optional',
  auth: 'optionalUser',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'own: test',
  handler: (_context, { principal }) => ({ user: principal?.userId ?? null }),
});
const put = endpoint({
  operation: 'own.put',
  method: 'PUT',
  path: '/_matrix/client/v3/put',
  auth: 'none',
  rateLimit: 'none',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    full: Type.Optional(Type.Boolean()),
    via: Type.Optional(Type.Array(Type.String())),
    dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
  }),
  body: Type.Object({
    name: Type.String(),
    age: Type.Optional(Type.Integer({ minimum: 0 })),
    who: Type.Optional(Type.Object({ type: Type.String() })),
    either: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
  }),
  spec: 'own: test',
  handler: (_context, { body, query, bodyText }) => ({ body, query, bodyText }),
});
const loose = endpoint({
  operation: 'own.loose',
  method: 'POST',
  path: '/_matrix/client/v3/loose',
  auth: 'none',
  rateLimit: 'none',
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  spec: 'own: test',
  handler: (_context, { body }) => ({ body }),
});
const strict = endpoint({
  operation: 'own.strict',
  method: 'POST',
  path: '/_matrix/client/v3/strict',
  auth: 'none',
  rateLimit: 'none',
  body: jsonObject,
  bodyRequired: true,
  spec: 'own: test',
  handler: (_context, { body }) => ({ body }),
});
const rows = [whoami, optional, put, loose, strict];

test('the token comes from the header or the query, and two that differ are refused', async () => {
  await using server = await startHttp(rows, undefined);
  const ask = async (query: string, authorization?: string): Promise<unknown[]> => {
    const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
    const response = await fetch(`${server.url}/_matrix/client/v3/whoami${query}`, { headers });
    return [response.status, await errcodeOf(response)];
  };
  assert.deepEqual(await ask('', `Bearer ${TOKEN}`), [200, undefined]);
  assert.deepEqual(await ask('', `bearer  ${TOKEN}`), [200, undefined]);
  assert.deepEqual(await ask(`?access_token=${TOKEN}`), [200, undefined]);
  assert.deepEqual(await ask(`?access_token=${TOKEN}`, `Bearer ${TOKEN}`), [200, undefined]);
  assert.deepEqual(await ask(`?access_token=${TOKEN}`, 'Bearer other'), [401, 'M_UNKNOWN_TOKEN']);
  assert.deepEqual(await ask(`?access_token=${TOKEN}&access_token=b`), [401, 'M_UNKNOWN_TOKEN']);
  assert.deepEqual(await ask('?access_token='), [401, 'M_MISSING_TOKEN']);
  assert.deepEqual(await ask('', 'Bearer '), [401, 'M_MISSING_TOKEN']);
  assert.deepEqual(await ask('', `Basic ${TOKEN}`), [401, 'M_MISSING_TOKEN']);
  assert.deepEqual(await ask(''), [401, 'M_MISSING_TOKEN']);
  assert.deepEqual(await ask('', 'Bearer wrong'), [401, 'M_UNKNOWN_TOKEN']);
});

test('locked and suspended accounts reach only the rows that allow them', async () => {
  await using server = await startHttp(rows, undefined);
  const ask = async (path: string, token: string): Promise<unknown> => {
    const response = await fetch(`${server.url}/_matrix/client/v3/${path}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    return [response.status, await response.json()];
  };
  const locked = { errcode: 'M_USER_LOCKED', error: 'This account is locked.', soft_logout: true };
  assert.deepEqual(await ask('whoami', 'locked'), [401, locked]);
  assert.deepEqual(await ask('optional', 'locked'), [401, locked]);
  const suspended = { errcode: 'M_USER_SUSPENDED', error: 'This account is suspended and may not do this.' };
  assert.deepEqual(await ask('whoami', 'suspended'), [403, suspended]);
  assert.deepEqual(await ask('optional', 'suspended'), [200, { user: '@alice:example.org' }]);
  const anonymous = await fetch(`${server.url}/_matrix/client/v3/optional`);
  assert.deepEqual(await anonymous.json(), { user: null });
});

test('a body is judged by its schema, and reaches the handler as it came', async () => {
  await using server = await startHttp(rows, undefined);
  const ask = async (body: string | undefined, query = ''): Promise<[number, Record<string, unknown>]> => {
    const init = body === undefined ? { method: 'PUT' } : { method: 'PUT', body };
    const response = await server.fetch(`/_matrix/client/v3/put${query}`, init);
    const parsed: Record<string, unknown> = JSON.parse(await response.text());
    return [response.status, parsed];
  };
  const text = '{ "name":"n", "unknown": {"kept":[1]} }';
  const [status, kept] = await ask(text);
  assert.equal(status, 200);
  assert.deepEqual(kept, { body: { name: 'n', unknown: { kept: [1] } }, query: {}, bodyText: text });

  for (const [body, errcode, mentioned] of [
    ['{}', 'M_MISSING_PARAM', '"name"'],
    ['{"age":-1}', 'M_MISSING_PARAM', '"name"'],
    ['{"name":"n","who":{}}', 'M_MISSING_PARAM', '"who.type"'],
    ['{"name":1}', 'M_BAD_JSON', '"name"'],
    ['{"name":"n","age":1.5}', 'M_BAD_JSON', '"age"'],
    ['{"name":"n","age":-1}', 'M_INVALID_PARAM', '"age"'],
    ['{"name":"n","either":"c"}', 'M_INVALID_PARAM', '"either"'],
    ['[]', 'M_BAD_JSON', 'body'],
    ['"name"', 'M_BAD_JSON', 'body'],
    ['null', 'M_BAD_JSON', 'body'],
    ['{"name":', 'M_NOT_JSON', ''],
    ['', 'M_NOT_JSON', ''],
    [undefined, 'M_NOT_JSON', ''],
  ] as const) {
    const [refused, answered] = await ask(body);
    assert.equal(refused, 400, body);
    assert.equal(answered['errcode'], errcode, body);
    assert.ok(String(answered['error']).includes(mentioned), String(answered['error']));
  }
});

test('the query is read as its schema says', async () => {
  await using server = await startHttp(rows, undefined);
  const ask = async (query: string): Promise<unknown> => {
    const response = await server.fetch(`/_matrix/client/v3/put?${query}`, { method: 'PUT', body: '{"name":"n"}' });
    const parsed: Record<string, unknown> = JSON.parse(await response.text());
    return response.status === 200 ? parsed['query'] : parsed['errcode'];
  };
  assert.deepEqual(await ask('limit=10&full=true&via=a&via=b%20c&unknown=1&dir=b'), {
    limit: 10,
    full: true,
    via: ['a', 'b c'],
    dir: 'b',
  });
  assert.deepEqual(await ask(`access_token=${TOKEN}&limit=1`), { limit: 1 });
  for (const query of ['limit=ten', 'limit=1.5', 'limit=', 'limit=0', 'limit=99999999999999999', 'full=yes', 'dir=x']) {
    assert.equal(await ask(query), 'M_INVALID_PARAM', query);
  }
  assert.equal(await ask('via=%00'), 'M_INVALID_PARAM');
});

test('a body that is optional may be missing, and one that is not may not', async () => {
  await using server = await startHttp(rows, undefined);
  for (const body of [undefined, '', '{}']) {
    const init = body === undefined ? { method: 'POST' } : { method: 'POST', body };
    assert.deepEqual(await (await server.fetch('/_matrix/client/v3/loose', init)).json(), { body: {} });
  }
  const missing = await server.fetch('/_matrix/client/v3/strict', { method: 'POST' });
  assert.equal(await errcodeOf(missing), 'M_NOT_JSON');
  const plain = await server.fetch('/_matrix/client/v3/strict', {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
  assert.deepEqual(await plain.json(), { body: { a: 1 } });
});

test('a body that is too large is refused before it is there', async () => {
  await using server = await startHttp(rows, undefined);
  const head = 'POST /_matrix/client/v3/loose HTTP/1.1\r\nHost: x\r\n';
  // Nothing of the announced body is sent, so an answer proves that the announcement was enough.
  const announced = await exchange(server.port, `${head}Content-Length: 1000000\r\n\r\n`);
  assert.match(announced, /^HTTP\/1\.1 413 /);
  assert.match(announced, /"errcode":"M_TOO_LARGE"/);
  const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
  const chunked = await exchange(server.port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`);
  assert.match(chunked, /^HTTP\/1\.1 413 /);
  assert.match(chunked, /\r\nAccess-Control-Allow-Origin: \*\r\n/);
  const squeezed = await exchange(
    server.port,
    `${head}Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`,
  );
  assert.match(squeezed, /^HTTP\/1\.1 415 /);

  const sent = await server.fetch('/_matrix/client/v3/loose', { method: 'POST', body: 'x'.repeat(300_000) });
  assert.equal(sent.status, 413, 'a client that goes on sending still reads its answer');
  const exact = await server.fetch('/_matrix/client/v3/loose', { method: 'POST', body: `{}${' '.repeat(4094)}` });
  assert.equal(exact.status, 200);
  const over = await server.fetch('/_matrix/client/v3/loose', { method: 'POST', body: `{}${' '.repeat(4095)}` });
  assert.equal(over.status, 413);
});

test('what a handler throws becomes the answer that the specification names, and nothing leaks', async () => {
  const failing = [
    row({
      path: '/forbidden',
      handler: () => {
        throw new MatrixError('M_FORBIDDEN', 'You are not in this room.', { fields: { extra: 1 } });
      },
    }),
    row({
      path: '/broken',
      auth: 'user',
      handler: async () => {
        throw new Error('secret detail');
      },
    }),
    row({
      path: '/busy',
      handler: () => {
        throw new MatrixError('M_UNKNOWN', 'Too busy.', { status: 503, fields: { retry_after_ms: 1500 } });
      },
    }),
    row({ path: '/raw', handler: () => rawJson('{"a":  1}', { headers: { 'Cache-Control': 'no-store' } }) }),
    row({ path: '/created', handler: () => answer({ status: 201, body: { b: 'é' } }) }),
  ];
  await using server = await startHttp(failing, undefined);
  const forbidden = await server.fetch('/forbidden');
  assert.equal(forbidden.status, 403);
  assert.deepEqual(await forbidden.json(), { errcode: 'M_FORBIDDEN', error: 'You are not in this room.', extra: 1 });

  const broken = await server.fetch('/broken');
  assert.equal(broken.status, 500);
  assert.deepEqual(await broken.json(), { errcode: 'M_UNKNOWN', error: 'Internal server error.' });
  const requestId = broken.headers.get('x-request-id') ?? '';
  assert.match(requestId, /^[\w-]+-\w+$/);
  const line = server
    .logged()
    .split('\n')
    .find((text) => text.includes('secret detail'));
  assert.ok(line?.includes(`"requestId":"${requestId}"`));

  const busy = await server.fetch('/busy');
  assert.deepEqual([busy.status, busy.headers.get('retry-after')], [503, '2']);
  const raw = await server.fetch('/raw');
  assert.equal(raw.headers.get('content-type'), 'application/json');
  assert.equal(raw.headers.get('cache-control'), 'no-store');
  assert.equal(await raw.text(), '{"a":  1}');
  const created = await server.fetch('/created');
  assert.deepEqual(
    [created.status, created.headers.get('content-length'), await created.json()],
    [201, '10', { b: 'é' }],
  );
});

test('what the database cannot do right now is answered 503 with Retry-After, whatever the handler', async () => {
  const errors = ['57P01', '53300', '53100', '55P03', 'ECONNREFUSED'].map((code) =>
    Object.assign(new Error(), { code }),
  );
  const failing = errors.map((error) =>
    row({
      path: `/${error.code}`,
      handler: () => {
        throw error;
      },
    }),
  );
  await using server = await startHttp(failing, undefined);
  for (const { code } of errors) {
    const response = await server.fetch(`/${code}`);
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1'], code);
    assert.equal(await errcodeOf(response), 'M_UNKNOWN');
  }
});

test('bodies that would together be too large to hold are refused as they come, and make room when they are over', async () => {
  const answered = Promise.withResolvers<void>();
  const slow = row({
    method: 'PUT',
    path: '/slow',
    body: Type.Object({ text: Type.String() }),
    handler: async () => {
      await answered.promise;
      return {};
    },
  });
  await using server = await startHttp([slow], undefined, { seams: { bodyBytesInFlightMax: 5_000 } });
  const put = () => server.fetch('/slow', { method: 'PUT', body: JSON.stringify({ text: 'x'.repeat(3_000) }) });
  const first = put();
  await until(() => server.load('body_bytes').used > 3_000);
  const second = await put();
  assert.deepEqual([second.status, second.headers.get('retry-after')], [503, '1']);
  answered.resolve();
  assert.equal((await first).status, 200);
  await until(() => server.load('body_bytes').used === 0);
  assert.equal((await put()).status, 200);
});

test('tokens reach neither logs nor metrics, and each request is one line', async () => {
  await using server = await startHttp(rows, undefined);
  await fetch(`${server.url}/_matrix/client/v3/whoami?access_token=${TOKEN}`);
  await fetch(`${server.url}/_matrix/client/v3/nowhere?access_token=${TOKEN}`);
  await fetch(`${server.url}/_matrix/client/v3/whoami?access_token=${TOKEN}x`);
  await server.fetch('/_matrix/client/v3/put', { method: 'PUT', body: `{"name":"${TOKEN}"}` });
  const seen = server.logged() + (await server.metrics.metrics());
  assert.ok(!seen.includes(TOKEN));
  assert.equal(server.logged().match(/"operation":"own.whoami","status":200/g)?.length, 1);
  assert.equal(server.logged().match(/"operation":"own.whoami","status":401/g)?.length, 1);
  assert.match(seen, /request_duration_seconds_count\{operation="own.whoami",outcome="4xx"\} 1/);
});

test('a rate limit is per user and class, and says when to come back', async () => {
  let nowMs = 0;
  const classes = { ...unlimited.classes, login: { perSecond: 0.5, burst: 2 } };
  await using server = await startHttp(
    [row({ path: '/limited', rateLimit: 'login' }), row({ path: '/free', rateLimit: 'default' })],
    undefined,
    {
      seams: {
        rateLimits: { ...unlimited, classes },
        clock: { now: () => nowMs, monotonicMs: () => nowMs },
        trustedProxies: ['127.0.0.0/8'],
      },
    },
  );
  const ask = (address = '192.0.2.1', path = '/limited') =>
    server.fetch(path, { headers: { 'X-Forwarded-For': address } });
  assert.equal((await ask()).status, 200);
  assert.equal((await ask()).status, 200);
  const refused = await ask();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '2');
  const { error: _error, ...rest }: Record<string, unknown> = JSON.parse(await refused.text());
  assert.deepEqual(rest, { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 2000 });
  assert.equal((await ask('203.0.113.9, 192.0.2.1')).status, 429, 'what the client claims is not believed');
  assert.equal((await ask('192.0.2.2')).status, 200);
  assert.equal((await ask('192.0.2.1', '/free')).status, 200);
  nowMs = 2000;
  assert.equal((await ask()).status, 200);
  assert.equal((await ask()).status, 429);
});

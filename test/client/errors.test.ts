/** Owns the tests of errors and CORS, which are the same for every endpoint. Specification: "Standard error response", "Web Browser Clients". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, type Answer } from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

function assertCors({ headers }: Answer): void {
  assert.equal(headers.get('access-control-allow-origin'), '*');
  const listOf = (name: string): string[] =>
    (headers.get(name) ?? '').split(',').map((one) => one.trim().toLowerCase());
  const methods = listOf('access-control-allow-methods');
  for (const method of ['get', 'post', 'put', 'delete', 'options']) assert.ok(methods.includes(method), method);
  const allowed = listOf('access-control-allow-headers');
  for (const name of ['x-requested-with', 'content-type', 'authorization']) assert.ok(allowed.includes(name), name);
}

describe('errors', () => {
  const server = useSuiteServer();

  const unknownPaths = [
    '/_matrix/client/v3/no-such-endpoint',
    '/_matrix/client/v999/sync',
    '/_matrix/client/v3/Sync',
    '/_matrix/client/v3/rooms/!x:y/no-such-part',
    '/_matrix/no-such-api',
    '/_matrix',
    '/no/such/path',
  ];
  for (const path of unknownPaths) {
    it(`answers 404 M_UNRECOGNIZED for ${path}, with CORS headers`, async () => {
      const [alice] = await server.newUsers('alice');
      for (const token of [undefined, alice.accessToken]) {
        const answer = await request(server.baseUrl, 'GET', path, token === undefined ? {} : { token });
        assertError(answer, 404, 'M_UNRECOGNIZED');
        assertCors(answer);
      }
    });
  }

  it('answers 405 M_UNRECOGNIZED for a known path with another method, with CORS headers', async () => {
    const [alice] = await server.newUsers('alice');
    for (const [method, path] of [
      ['GET', '/createRoom'],
      ['DELETE', '/sync'],
      ['POST', '/rooms/!x:y/send/m.room.message/1'],
      ['PATCH', '/account/whoami'],
      ['PUT', '/login'],
    ] as const) {
      const answer = await alice.raw(method, path, method === 'GET' ? {} : { body: {} });
      assertError(answer, 405, 'M_UNRECOGNIZED');
      assertCors(answer);
    }
  });

  it('has CORS headers on answers of every kind', async () => {
    const [alice] = await server.newUsers('alice');
    const room = `/rooms/${encode(`!${'A'.repeat(43)}`)}`;
    const answers = {
      200: await alice.raw('GET', '/account/whoami'),
      400: await alice.raw('POST', '/createRoom', { rawBody: '{' }),
      401: await alice.raw('GET', '/sync', { token: 'wrong' }),
      413: await alice.raw('POST', '/createRoom', { body: { name: 'x'.repeat(2_000_000) } }),
    };
    for (const [status, answer] of Object.entries(answers)) {
      assert.equal(answer.status, Number(status), answer.bodyText);
      assertCors(answer);
    }
    const forbidden = await alice.raw('GET', `${room}/state`);
    assert.ok(forbidden.status === 403 || forbidden.status === 404, forbidden.bodyText);
    assertCors(forbidden);
  });

  it('answers OPTIONS for every endpoint without doing anything', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const before = (await alice.getHistory(roomId)).length;
    for (const path of [
      '/createRoom',
      '/sync',
      `/rooms/${encode(roomId)}/send/m.room.message/1`,
      '/logout',
      '/login',
    ]) {
      for (const token of [undefined, alice.accessToken]) {
        const answer = await request(server.baseUrl, 'OPTIONS', `/_matrix/client/v3${path}`, {
          headers: { 'Access-Control-Request-Method': 'POST', Origin: 'https://app.example.org' },
          ...(token === undefined ? {} : { token }),
        });
        assert.ok(answer.status === 200 || answer.status === 204, `${path}: ${answer.status} ${answer.bodyText}`);
        assertCors(answer);
      }
    }
    assert.equal((await alice.getHistory(roomId)).length, before);
    assert.equal((await alice.sync()).join.size, 1, 'she is still logged in and has still one room');
  });

  it('never answers a malformed path with 5xx', async () => {
    const [alice] = await server.newUsers('alice');
    const paths = [
      '/rooms/%ZZ/state',
      '/rooms/%/state',
      '/rooms/%ff%fe/state',
      '/rooms/!x%00:y/state',
      '/rooms/%ED%A0%80/state',
      `/rooms/${'x'.repeat(5_000)}/state`,
      '/rooms//state',
      '/rooms/not-a-room-id/state',
    ];
    for (const path of paths) {
      const answer = await alice.raw('GET', path);
      assert.ok(answer.status >= 400 && answer.status < 500, `${path.slice(0, 40)}: ${answer.status}`);
      assertError(answer, answer.status);
    }
    assert.equal((await alice.raw('GET', '/account/whoami')).status, 200);
  });

  it('does not need a Content-Type to read JSON', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const answer = await alice.raw('PUT', `/rooms/${encode(roomId)}/send/org.example.plain/1`, {
      body: { plain: true },
      headers: { 'Content-Type': 'text/plain' },
    });
    assert.equal(answer.status, 200, answer.bodyText);
    assert.deepEqual((await alice.getHistory(roomId)).at(-1)?.content, { plain: true });
  });

  it('always answers with JSON objects', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    for (const answer of [
      await alice.raw('POST', `/rooms/${encode(roomId)}/leave`, { body: {} }),
      await alice.raw('POST', '/logout'),
    ]) {
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
      assert.equal(answer.bodyText, '{}');
    }
  });
});

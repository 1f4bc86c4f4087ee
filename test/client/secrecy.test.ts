/** Owns the tests that secrets of accounts stay secret: in logs, in times, in answers. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { confirmed } from '#test/support/confirmed.ts';
import {
  assertError,
  registerUser,
  request,
  testPassword,
  uniqueName,
  type Answer,
} from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { startServerOnFreshDatabase } from '#test/support/server-process.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

test('neither passwords nor tokens are logged, whatever is logged (V61, C2, T11)', async () => {
  await using server = await startServerOnFreshDatabase({ CAUSEWAY_LOG_LEVEL: 'trace' });
  const alice = await registerUser(server.baseUrl);
  const newPassword = 'canary password 4711';
  assert.equal((await confirmed(alice, 'POST', '/account/password', { new_password: newPassword })).status, 200);
  const login = { type: 'm.login.password', user: alice.userId, password: newPassword, refresh_token: true };
  const post = (path: string, body: object): Promise<Answer> =>
    request(server.baseUrl, 'POST', `/_matrix/client/v3${path}`, { body });
  const session = (await post('/login', login)).body;
  const refreshed = (await post('/refresh', { refresh_token: session['refresh_token'] })).body;
  const openid = await alice.raw('POST', `/user/${encodeURIComponent(alice.userId)}/openid/request_token`, {
    body: {},
  });
  const query = { access_token: alice.accessToken };
  assert.equal((await request(server.baseUrl, 'GET', '/_matrix/client/v3/account/whoami', { query })).status, 200);
  const info = { access_token: text(openid.body, 'access_token') };
  const userinfo = await request(server.baseUrl, 'GET', '/_matrix/federation/v1/openid/userinfo', { query: info });
  assert.equal(userinfo.status, 200);
  await post('/login', { ...login, password: `wrong ${newPassword}` });
  const secrets = [
    testPassword,
    newPassword,
    alice.accessToken,
    text(session, 'access_token'),
    text(session, 'refresh_token'),
    text(refreshed, 'access_token'),
    text(openid.body, 'access_token'),
  ];
  const output = server.output();
  assert.ok(output.includes('client.login'), 'requests are logged at this level');
  for (const secret of secrets) assert.ok(!output.includes(secret), `${secret.slice(0, 6)}… is in the log`);
});

describe('a login', () => {
  const server = useSuiteServer();

  const attempt = (user: string, password: unknown): Promise<Answer> =>
    request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
    });

  it('takes as long for a user that does not exist as for a wrong password (C11)', async () => {
    const [alice] = await server.newUsers('alice');
    const times: Record<'wrong' | 'unknown', number[]> = { wrong: [], unknown: [] };
    // In turn, so that a busy machine slows both.
    for (let count = 0; count < 9; count++) {
      for (const [kind, user] of [
        ['wrong', alice.userId],
        ['unknown', uniqueName('nobody')],
      ] as const) {
        const startedMs = performance.now();
        assertError(await attempt(user, 'not the password'), 403, 'M_FORBIDDEN');
        times[kind].push(performance.now() - startedMs);
      }
    }
    const median = (values: number[]): number => values.toSorted((a, b) => a - b)[4] ?? Number.NaN;
    const ratio = median(times.unknown) / median(times.wrong);
    // Without the work of a hash it would be a tenth.
    assert.ok(ratio > 0.4 && ratio < 2.5, `the times differ by a factor of ${ratio}`);
  });

  it('takes no password but the right one, however odd or long (V74, C11)', async () => {
    const [alice] = await server.newUsers('alice');
    for (const password of ['', '*', '\0', 'x'.repeat(73), 'x'.repeat(513), `${testPassword}\0`]) {
      assertError(await attempt(alice.userId, password), 403, 'M_FORBIDDEN');
    }
    for (const password of [null, true, {}, []]) assertError(await attempt(alice.userId, password), 400);
    assertError(await attempt(alice.userId, 'x'.repeat(2_000_000)), 413, 'M_TOO_LARGE');
  });

  it('bounds what clients say of their devices (V66)', async () => {
    const [alice] = await server.newUsers('alice');
    const login = (more: object): Promise<Answer> =>
      request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
        body: { type: 'm.login.password', user: alice.userId, password: testPassword, ...more },
      });
    assertError(await login({ device_id: 'x'.repeat(513) }), 400, 'M_INVALID_PARAM');
    assertError(await login({ initial_device_display_name: 'x'.repeat(101) }), 400, 'M_INVALID_PARAM');
    assert.equal((await login({ initial_device_display_name: 'x'.repeat(100) })).status, 200);
  });

  it('needs a token that is not empty (V60)', async () => {
    const whoami = '/_matrix/client/v3/account/whoami';
    const headers = { Authorization: 'Bearer ' };
    assertError(await request(server.baseUrl, 'GET', whoami, { headers }), 401);
    assertError(await request(server.baseUrl, 'GET', whoami, { query: { access_token: '' } }), 401);
  });
});

/** Owns the tests of refreshing and of login tokens over HTTP. Specification: "Refreshing access tokens", "Login". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passwordAuth } from '#test/support/confirmed.ts';
import {
  assertError,
  openSession,
  readSession,
  request,
  testPassword,
  uniqueName,
  type Answer,
} from '#test/support/matrix-http.ts';
import { text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('refresh tokens and login tokens', () => {
  const server = useSuiteServer({ CAUSEWAY_SESSIONS_ACCESS_TOKEN_LIFETIME_MS: '1000' });

  const post = (path: string, body: JsonObject): Promise<Answer> =>
    request(server.baseUrl, 'POST', `/_matrix/client/v3${path}`, { body });
  const whoami = (token: string): Promise<Answer> =>
    request(server.baseUrl, 'GET', '/_matrix/client/v3/account/whoami', { token });
  const logIn = (user: string, more: JsonObject): Promise<Answer> =>
    post('/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user },
      password: testPassword,
      ...more,
    });

  it('come with a login that asks for them, and renew the session of the same device', async () => {
    const [alice] = await server.newUsers('alice');
    const session = await logIn(alice.userId, { refresh_token: true });
    assert.equal(session.body['expires_in_ms'], 1000);
    const accessToken = text(session.body, 'access_token');
    let answer = await whoami(accessToken);
    assert.equal(answer.status, 200);
    for (const deadline = Date.now() + 10_000; answer.status === 200 && Date.now() < deadline;) {
      answer = await whoami(accessToken);
    }
    assertError(answer, 401, 'M_UNKNOWN_TOKEN');
    assert.equal(answer.body['soft_logout'], true);
    const renewed = await post('/refresh', { refresh_token: text(session.body, 'refresh_token') });
    assert.equal(renewed.status, 200, renewed.bodyText);
    assert.notEqual(renewed.body['refresh_token'], session.body['refresh_token']);
    const owner = await whoami(text(renewed.body, 'access_token'));
    assert.deepEqual(owner.body, { user_id: alice.userId, device_id: session.body['device_id'], is_guest: false });
  });

  it('come with a registration that asks for them', async () => {
    const body = { username: uniqueName('fresh'), password: testPassword, refresh_token: true };
    const made = await post('/register', { ...body, auth: { type: 'm.login.dummy' } });
    assert.equal(made.status, 200, made.bodyText);
    const renewed = await post('/refresh', { refresh_token: text(made.body, 'refresh_token') });
    assert.equal((await whoami(text(renewed.body, 'access_token'))).body['device_id'], made.body['device_id']);
  });

  it('do not come with a login that cannot use them, whose token does not expire', async () => {
    const [alice] = await server.newUsers('alice');
    const { body } = await logIn(alice.userId, {});
    assert.deepEqual([body['refresh_token'], body['expires_in_ms']], [undefined, undefined]);
  });

  it('end with their device', async () => {
    const [alice] = await server.newUsers('alice');
    const { body } = await logIn(alice.userId, { refresh_token: true });
    await openSession(server.baseUrl, readSession(body)).raw('POST', '/logout');
    const answer = await post('/refresh', { refresh_token: text(body, 'refresh_token') });
    assertError(answer, 401, 'M_UNKNOWN_TOKEN');
    assert.notEqual(answer.body['soft_logout'], true, 'the client is told that its session is gone');
    assertError(await post('/refresh', { refresh_token: '' }), 401, 'M_UNKNOWN_TOKEN');
    assertError(await post('/refresh', {}), 400, 'M_MISSING_PARAM');
    assertError(await whoami(text(body, 'refresh_token')), 401, 'M_UNKNOWN_TOKEN');
  });

  it('keep the transaction ids of their device (C3)', async () => {
    const [alice] = await server.newUsers('alice');
    const first = (await logIn(alice.userId, { refresh_token: true })).body;
    const before = openSession(server.baseUrl, readSession(first));
    const roomId = await before.createRoom();
    const eventId = await before.sendText(roomId, 'once', 'txn-1');
    const renewed = await post('/refresh', { refresh_token: text(first, 'refresh_token') });
    const after = openSession(server.baseUrl, { ...before, accessToken: text(renewed.body, 'access_token') });
    assert.equal(await after.sendText(roomId, 'once', 'txn-1'), eventId);
  });

  it('let another device log in, once, when a user has confirmed it each time', async () => {
    const [alice] = await server.newUsers('alice');
    const path = '/_matrix/client/v1/login/get_token';
    const getToken = (auth?: JsonObject): Promise<Answer> =>
      request(server.baseUrl, 'POST', path, { token: alice.accessToken, body: { auth } });
    const session = text((await getToken()).body, 'session');
    const { status, body } = await getToken(passwordAuth(alice.userId, session));
    assert.deepEqual([status, body['expires_in_ms']], [200, 120_000]);
    const token = text(body, 'login_token');
    const made = await post('/login', { type: 'm.login.token', token, device_id: 'TV' });
    assert.equal(made.status, 200, made.bodyText);
    assert.deepEqual((await whoami(text(made.body, 'access_token'))).body['user_id'], alice.userId);
    assertError(await post('/login', { type: 'm.login.token', token }), 403, 'M_FORBIDDEN');
    assertError(await post('/login', { type: 'm.login.token', token: alice.accessToken }), 403, 'M_FORBIDDEN');
    assertError(await post('/login', { type: 'm.login.token' }), 400, 'M_MISSING_PARAM');
    assert.equal((await getToken({ session })).status, 401, 'the next one is confirmed again');
  });

  it('are told of by the flows', async () => {
    const { body } = await request(server.baseUrl, 'GET', '/_matrix/client/v3/login');
    assert.deepEqual(body['flows'], [{ type: 'm.login.password' }, { type: 'm.login.token', get_login_token: true }]);
  });
});

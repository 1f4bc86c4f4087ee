/** Owns the tests of login, tokens and logout. Specification: "Login", "Using access tokens". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assertError,
  logIn,
  openSession,
  readSession,
  request,
  testPassword,
  uniqueName,
  type Answer,
} from '#test/support/matrix-http.ts';
import { asArray, asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const loginPath = '/_matrix/client/v3/login';
const whoamiPath = '/_matrix/client/v3/account/whoami';

describe('login', () => {
  const server = useSuiteServer();

  const post = (body: unknown): Promise<Answer> => request(server.baseUrl, 'POST', loginPath, { body });
  const byPassword = (user: string, more: JsonObject = {}): JsonObject => ({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password: testPassword,
    ...more,
  });
  const whoami = (token: string): Promise<Answer> => request(server.baseUrl, 'GET', whoamiPath, { token });

  it('lists m.login.password among its flows', async () => {
    const answer = await request(server.baseUrl, 'GET', loginPath);
    assert.equal(answer.status, 200);
    const types = asArray(answer.body['flows'], 'flows').map((flow) => asObject(flow, 'a flow')['type']);
    assert.ok(types.includes('m.login.password'), answer.bodyText);
  });

  it('takes the localpart, the whole user id and the deprecated parameter', async () => {
    const [alice] = await server.newUsers('alice');
    const localpart = alice.userId.slice(1, alice.userId.indexOf(':'));
    for (const body of [
      byPassword(localpart),
      byPassword(alice.userId),
      { type: 'm.login.password', user: localpart, password: testPassword },
    ]) {
      const answer = await post(body);
      assert.equal(answer.status, 200, answer.bodyText);
      const session = readSession(answer.body);
      assert.equal(session.userId, alice.userId);
      assert.equal((await whoami(session.accessToken)).body['device_id'], session.deviceId);
    }
  });

  it('gives each login a device of its own, or the one asked for', async () => {
    const [alice] = await server.newUsers('alice');
    const [first, second] = [await logIn(server.baseUrl, alice.userId), await logIn(server.baseUrl, alice.userId)];
    assert.equal(new Set([alice.deviceId, first.deviceId, second.deviceId]).size, 3);
    const named = readSession((await post(byPassword(alice.userId, { device_id: 'TABLET' }))).body);
    assert.equal(named.deviceId, 'TABLET');
    assert.equal((await whoami(alice.accessToken)).status, 200, 'the other devices stay logged in');
  });

  it('invalidates the tokens of a device that logs in again', async () => {
    const [alice] = await server.newUsers('alice');
    const body = byPassword(alice.userId, { device_id: 'LAPTOP' });
    const former = readSession((await post(body)).body);
    const current = readSession((await post(body)).body);
    assertError(await whoami(former.accessToken), 401, 'M_UNKNOWN_TOKEN');
    assert.equal((await whoami(current.accessToken)).body['device_id'], 'LAPTOP');
  });

  it('answers a wrong password and an unknown user alike', async () => {
    const [alice] = await server.newUsers('alice');
    const wrong = await post({ ...byPassword(alice.userId), password: 'not her password' });
    const unknown = await post(byPassword(uniqueName('nobody')));
    const foreign = await post(byPassword('@alice:elsewhere.test'));
    for (const answer of [wrong, unknown, foreign]) assertError(answer, 403, 'M_FORBIDDEN');
    assert.equal(unknown.bodyText, wrong.bodyText, 'nobody learns who has an account');
    await logIn(server.baseUrl, alice.userId);
  });

  it('knows nobody by an e-mail address or a phone number, however it is written', async () => {
    const address = { medium: 'email', address: 'alice@example.org' };
    for (const named of [
      { identifier: { type: 'm.id.thirdparty', ...address } },
      { identifier: { type: 'm.id.phone', country: 'GB', phone: '07700900001' } },
      { identifier: address },
      address,
    ]) {
      const answer = await post({ type: 'm.login.password', password: testPassword, ...named });
      assertError(answer, 403, 'M_FORBIDDEN');
    }
  });

  it('refuses what is malformed', async () => {
    const [alice] = await server.newUsers('alice');
    assertError(await post({ ...byPassword(alice.userId), type: 'org.example.unknown' }), 400);
    assertError(await post({ type: 'm.login.password', password: testPassword }), 400);
    assertError(await post({ ...byPassword(alice.userId), password: undefined }), 400);
    assertError(await post({ ...byPassword(alice.userId), password: 7 }), 400, 'M_BAD_JSON', 'M_INVALID_PARAM');
    assertError(await post({}), 400, 'M_MISSING_PARAM', 'M_BAD_JSON');
    assertError(await request(server.baseUrl, 'POST', loginPath, { rawBody: '{"type":' }), 400, 'M_NOT_JSON');
    assertError(await request(server.baseUrl, 'POST', loginPath, { rawBody: '[]' }), 400, 'M_BAD_JSON');
  });

  it('takes the token from the header and, deprecated, from the query', async () => {
    const [alice] = await server.newUsers('alice');
    const query = { access_token: alice.accessToken };
    const byQuery = await request(server.baseUrl, 'GET', whoamiPath, { query });
    assert.equal(byQuery.status, 200, byQuery.bodyText);
    assert.equal(byQuery.body['user_id'], alice.userId);
    const byHeader = await whoami(alice.accessToken);
    assert.deepEqual(byHeader.body, byQuery.body);
    assert.equal(byHeader.body['device_id'], alice.deviceId);
  });

  it('tells a missing token from an unknown one', async () => {
    assertError(await request(server.baseUrl, 'GET', whoamiPath), 401, 'M_MISSING_TOKEN');
    const unknown = await whoami('never-given-out');
    assertError(unknown, 401, 'M_UNKNOWN_TOKEN');
    assert.notEqual(unknown.body['soft_logout'], true);
    assertError(
      await request(server.baseUrl, 'GET', whoamiPath, { query: { access_token: 'x' } }),
      401,
      'M_UNKNOWN_TOKEN',
    );
  });

  it('forgets the device that logs out and no other', async () => {
    const [alice] = await server.newUsers('alice');
    const other = await logIn(server.baseUrl, alice.userId);
    // The specification asks for an empty body here.
    const answer = await alice.raw('POST', '/logout');
    assert.equal(answer.status, 200, answer.bodyText);
    assert.deepEqual(answer.body, {});
    assertError(await whoami(alice.accessToken), 401, 'M_UNKNOWN_TOKEN');
    assertError(await alice.raw('POST', '/createRoom', { body: {} }), 401, 'M_UNKNOWN_TOKEN');
    assert.equal((await whoami(other.accessToken)).status, 200);
  });

  it('forgets all devices of the user with logout/all', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const other = await logIn(server.baseUrl, alice.userId);
    assert.equal((await other.raw('POST', '/logout/all')).status, 200);
    for (const { accessToken } of [alice, other]) assertError(await whoami(accessToken), 401, 'M_UNKNOWN_TOKEN');
    assert.equal((await whoami(bob.accessToken)).status, 200);
  });

  it('ends a long poll of the device that logs out, or lets it end empty', async () => {
    const [alice] = await server.newUsers('alice');
    const session = openSession(server.baseUrl, alice);
    const since = (await session.sync()).nextBatch;
    const poll = session.raw('GET', '/sync', { query: { since, timeout: 3_000 } });
    await session.raw('POST', '/logout');
    const answer = await poll;
    assert.ok(answer.status === 401 || answer.status === 200, answer.bodyText);
    assertError(await session.raw('GET', '/sync', { query: { since } }), 401, 'M_UNKNOWN_TOKEN');
  });
});

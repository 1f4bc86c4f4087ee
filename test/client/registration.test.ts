/** Owns the tests of account registration. Specification: "Account registration", "User-Interactive Authentication API". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assertError,
  logIn,
  openSession,
  readSession,
  registerUser,
  request,
  testPassword,
  uniqueName,
  type Answer,
} from '#test/support/matrix-http.ts';
import { asArray, asObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { testServerName } from '#test/support/server-process.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const registerPath = '/_matrix/client/v3/register';

function stagesOf(answer: Answer): string[][] {
  return asArray(answer.body['flows'], 'flows').map((flow) =>
    asArray(asObject(flow, 'a flow')['stages'], 'stages').map(String),
  );
}

describe('registration in open mode', () => {
  const server = useSuiteServer();

  const post = (body: unknown): Promise<Answer> => request(server.baseUrl, 'POST', registerPath, { body });

  const postWithDummy = async (body: JsonObject): Promise<Answer> => {
    const session = text((await post(body)).body, 'session');
    return post({ ...body, auth: { type: 'm.login.dummy', session } });
  };

  const isAvailable = async (username: string): Promise<Answer> =>
    request(server.baseUrl, 'GET', `${registerPath}/available`, { query: { username } });

  it('answers a request without auth with 401, the flows and a session', async () => {
    const username = uniqueName('flows');
    const answer = await post({ username, password: testPassword });
    assert.equal(answer.status, 401);
    assert.deepEqual(stagesOf(answer), [['m.login.dummy']]);
    assert.ok(text(answer.body, 'session').length > 0);
    asObject(answer.body['params'] ?? {}, 'params');
    assert.equal((await isAvailable(username)).status, 200, 'asking has not made the account');
  });

  it('makes an account and a device when the dummy stage is complete', async () => {
    const username = uniqueName('dummy');
    const answer = await postWithDummy({ username, password: testPassword, device_id: 'PHONE' });
    assert.equal(answer.status, 200, answer.bodyText);
    const user = openSession(server.baseUrl, readSession(answer.body));
    assert.equal(user.userId, `@${username}:${testServerName}`);
    assert.equal(user.deviceId, 'PHONE');
    const whoami = await user.raw('GET', '/account/whoami');
    assert.equal(whoami.body['user_id'], user.userId);
    assert.equal(whoami.body['device_id'], 'PHONE');
    assert.equal((await logIn(server.baseUrl, username)).userId, user.userId, 'the password works');
  });

  it('does not make an account for a session that the server never gave out', async () => {
    const username = uniqueName('forged');
    const auth = { type: 'm.login.dummy', session: 'forged' };
    const answer = await post({ username, password: testPassword, auth });
    assert.ok([400, 401, 403].includes(answer.status), answer.bodyText);
    assert.equal((await isAvailable(username)).status, 200);
  });

  it('does not make an account by a stage that is not in the flows', async () => {
    const username = uniqueName('stage');
    const session = text((await post({ username, password: testPassword })).body, 'session');
    const answer = await post({ username, password: testPassword, auth: { type: 'm.login.password', session } });
    assert.ok([400, 401, 403].includes(answer.status), answer.bodyText);
    assert.equal((await isAvailable(username)).status, 200);
  });

  it('does not make two accounts out of one session', async () => {
    const [first, second] = [uniqueName('first'), uniqueName('second')];
    const session = text((await post({ username: first, password: testPassword })).body, 'session');
    const auth = { type: 'm.login.dummy', session };
    assert.equal((await post({ username: first, password: testPassword, auth })).status, 200);
    const answer = await post({ username: second, password: testPassword, auth });
    assert.notEqual(answer.status, 200, 'the session was for the first account');
    assert.equal((await isAvailable(second)).status, 200);
  });

  it('refuses a name that is taken before it asks for authentication', async () => {
    const username = uniqueName('taken');
    assert.equal((await isAvailable(username)).body['available'], true);
    await registerUser(server.baseUrl, username);
    assertError(await post({ username, password: 'another password' }), 400, 'M_USER_IN_USE');
    assertError(await isAvailable(username), 400, 'M_USER_IN_USE');
    await logIn(server.baseUrl, username);
  });

  it('gives a name to one of many who want it at the same time', async () => {
    const username = uniqueName('wanted');
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const body = { username, password: `password number ${i}` };
        const first = await post(body);
        if (first.status !== 401) return first;
        return post({ ...body, auth: { type: 'm.login.dummy', session: text(first.body, 'session') } });
      }),
    );
    const winners = answers.flatMap((answer, i) => (answer.status === 200 ? [i] : []));
    assert.equal(winners.length, 1, answers.map((answer) => answer.bodyText).join('\n'));
    for (const answer of answers.filter(({ status }) => status !== 200)) assertError(answer, 400, 'M_USER_IN_USE');
    await logIn(server.baseUrl, username, `password number ${winners[0]}`);
  });

  for (const username of ['with space', 'exclamation!', '#hash', 'emoji-😀', 'slash\\', 'a'.repeat(256), '@:']) {
    it(`refuses the name ${JSON.stringify(username.slice(0, 20))} as invalid`, async () => {
      assertError(await post({ username, password: testPassword }), 400, 'M_INVALID_USERNAME');
      assertError(await isAvailable(username), 400, 'M_INVALID_USERNAME');
    });
  }

  it('makes up a valid name when none is given', async () => {
    const answer = await postWithDummy({ password: testPassword });
    assert.equal(answer.status, 200, answer.bodyText);
    const { userId } = readSession(answer.body);
    assert.match(userId, /^@[a-z0-9._=/+-]+:hs1\.test$/);
    assert.equal((await logIn(server.baseUrl, userId)).userId, userId);
  });

  it('makes no device with inhibit_login', async () => {
    const username = uniqueName('inhibited');
    const answer = await postWithDummy({ username, password: testPassword, inhibit_login: true });
    assert.equal(answer.status, 200, answer.bodyText);
    assert.equal(answer.body['user_id'], `@${username}:${testServerName}`);
    assert.equal(answer.body['access_token'], undefined);
    assert.equal(answer.body['device_id'], undefined);
    await logIn(server.baseUrl, username);
  });

  it('refuses parameters of a wrong type', async () => {
    for (const body of [{ username: 7 }, { username: 'x', password: {} }, { inhibit_login: 'yes' }]) {
      assertError(await post({ password: testPassword, ...body }), 400, 'M_BAD_JSON', 'M_INVALID_PARAM');
    }
    assertError(await isAvailable(''), 400, 'M_INVALID_USERNAME', 'M_MISSING_PARAM', 'M_INVALID_PARAM');
  });
});

describe('registration in token mode', () => {
  const token = 'an-open.secret_1';
  const server = useSuiteServer({ CAUSEWAY_REGISTRATION_MODE: 'token', CAUSEWAY_REGISTRATION_TOKEN: token });

  it('takes the right registration token, and nothing else', async () => {
    const body = { username: uniqueName('token'), password: testPassword };
    const post = (auth?: JsonObject): Promise<Answer> =>
      request(server.baseUrl, 'POST', registerPath, { body: auth === undefined ? body : { ...body, auth } });
    const first = await post();
    assert.equal(first.status, 401);
    const flows = stagesOf(first);
    assert.ok(flows.length > 0 && flows.every((stages) => stages.includes('m.login.registration_token')));
    const session = text(first.body, 'session');
    const wrong = await post({ type: 'm.login.registration_token', token: 'no-such-token', session });
    assert.equal(wrong.status, 401);
    assert.equal(text(wrong.body, 'errcode'), 'M_FORBIDDEN', 'a failed stage names its error');
    assert.deepEqual(stagesOf(wrong), flows, 'and can be tried again');
    assert.equal(text(wrong.body, 'session'), session);
    const around = await post({ type: 'm.login.dummy', session });
    assert.ok([400, 401, 403].includes(around.status), around.bodyText);
    const missing = await post({ type: 'm.login.registration_token', session });
    assert.ok([400, 401].includes(missing.status), missing.bodyText);
    const available = await request(server.baseUrl, 'GET', `${registerPath}/available`, {
      query: { username: body.username },
    });
    assert.equal(available.status, 200, 'none of these made the account');
    const right = await post({ type: 'm.login.registration_token', token, session });
    assert.equal(right.status, 200, right.bodyText);
    assert.equal((await logIn(server.baseUrl, body.username)).userId, right.body['user_id']);
  });
});

describe('registration in closed mode', () => {
  const server = useSuiteServer({ CAUSEWAY_REGISTRATION_MODE: 'closed' });

  it('is forbidden', async () => {
    const username = uniqueName('closed');
    const answer = await request(server.baseUrl, 'POST', registerPath, { body: { username, password: testPassword } });
    assertError(answer, 403, 'M_FORBIDDEN');
    const login = await request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: username }, password: testPassword },
    });
    assertError(login, 403, 'M_FORBIDDEN');
  });
});

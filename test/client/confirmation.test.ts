/** Owns the tests of user-interactive authentication by users who are logged in, and of its pages for browsers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askedToConfirm, confirmed, passwordAuth } from '#test/support/confirmed.ts';
import { assertError, logIn, request, testPassword, uniqueName, type Answer } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const fallback = (stage: string): string => `/_matrix/client/v3/auth/${stage}/fallback/web`;

describe('user-interactive authentication', () => {
  const server = useSuiteServer();

  const newDevice = async (userId: string): Promise<string> => (await logIn(server.baseUrl, userId)).deviceId;
  const isThere = async (user: { raw: (method: string, path: string) => Promise<Answer> }, deviceId: string) =>
    (await user.raw('GET', `/devices/${deviceId}`)).status === 200;

  it('says in the 401 why a stage failed, and takes the next attempt in the same session', async () => {
    const [alice] = await server.newUsers('alice');
    const path = `/devices/${await newDevice(alice.userId)}`;
    const session = await askedToConfirm(alice, 'DELETE', path);
    const wrong = await alice.raw('DELETE', path, { body: { auth: passwordAuth(alice.userId, session, 'not it') } });
    assert.deepEqual([wrong.status, wrong.body['errcode'], wrong.body['session']], [401, 'M_FORBIDDEN', session]);
    assert.deepEqual([wrong.body['completed'], wrong.body['params']], [[], {}]);
    const none = await alice.raw('DELETE', path, { body: { auth: { type: 'm.login.dummy', session } } });
    assert.deepEqual([none.status, none.body['errcode']], [401, 'M_FORBIDDEN'], 'a stage that is in no flow');
    const right = await alice.raw('DELETE', path, { body: { auth: passwordAuth(alice.userId, session) } });
    assert.equal(right.status, 200, right.bodyText);
  });

  it('binds a session to its operation, its request and its user, and to one use (C4)', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [first, second] = [await newDevice(alice.userId), await newDevice(alice.userId)];
    const session = await askedToConfirm(alice, 'DELETE', `/devices/${first}`);
    const auth = passwordAuth(alice.userId, session);
    const attempts = [
      await alice.raw('DELETE', `/devices/${second}`, { body: { auth } }),
      await alice.raw('POST', '/delete_devices', { body: { devices: [first], auth } }),
      await bob.raw('DELETE', `/devices/${first}`, { body: { auth: passwordAuth(bob.userId, session) } }),
    ];
    for (const attempt of attempts) {
      assert.deepEqual([attempt.status, attempt.body['errcode']], [401, 'M_FORBIDDEN'], attempt.bodyText);
      assert.notEqual(attempt.body['session'], session, 'a session with which the client can go on');
    }
    assert.ok(await isThere(alice, first));
    assert.equal((await alice.raw('DELETE', `/devices/${first}`, { body: { auth } })).status, 200);
    const again = await alice.raw('DELETE', `/devices/${first}`, { body: { auth: { session } } });
    assert.equal(again.status, 401, 'the confirmation is used up');
    assert.ok(await isThere(alice, second));
  });

  it('takes the password of the owner of the access token alone', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const path = `/devices/${await newDevice(alice.userId)}`;
    const session = await askedToConfirm(alice, 'DELETE', path);
    const asBob = await alice.raw('DELETE', path, { body: { auth: passwordAuth(bob.userId, session) } });
    assertError(asBob, 403, 'M_FORBIDDEN');
    const mail = { type: 'm.id.thirdparty', medium: 'email', address: 'alice@example.org' };
    const byMail = { type: 'm.login.password', identifier: mail, password: testPassword, session };
    assertError(await alice.raw('DELETE', path, { body: { auth: byMail } }), 403, 'M_FORBIDDEN');
    const legacy = { type: 'm.login.password', user: alice.userId, password: testPassword, session };
    assert.equal((await alice.raw('DELETE', path, { body: { auth: legacy } })).status, 200);
  });

  it('lets a browser complete the password stage, and the client go on with the session alone', async () => {
    const [alice] = await server.newUsers('alice');
    const deviceId = await newDevice(alice.userId);
    const session = await askedToConfirm(alice, 'DELETE', `/devices/${deviceId}`);
    const page = fallback('m.login.password');
    const post = (body: object): Promise<Answer> => request(server.baseUrl, 'POST', page, { body });
    assertError(await post({ session, password: 'not it' }), 403, 'M_FORBIDDEN');
    assertError(await post({ session: 'unknown', password: testPassword }), 403, 'M_FORBIDDEN');
    assert.equal((await alice.raw('DELETE', `/devices/${deviceId}`, { body: { auth: { session } } })).status, 401);
    assert.equal((await post({ session, password: testPassword })).status, 200);
    assert.equal((await alice.raw('DELETE', `/devices/${deviceId}`, { body: { auth: { session } } })).status, 200);
    assert.ok(!(await isThere(alice, deviceId)));
  });

  it('lets a browser complete a stage of registration', async () => {
    const body = { username: uniqueName('browser'), password: testPassword };
    const path = '/_matrix/client/v3/register';
    const session = text((await request(server.baseUrl, 'POST', path, { body })).body, 'session');
    const done = await request(server.baseUrl, 'POST', fallback('m.login.dummy'), { body: { session } });
    assert.equal(done.status, 200, done.bodyText);
    const made = await request(server.baseUrl, 'POST', path, { body: { ...body, auth: { session } } });
    assert.equal(made.status, 200, made.bodyText);
    const user = await logIn(server.baseUrl, body.username);
    assert.equal((await user.raw('GET', '/account/whoami')).body['user_id'], made.body['user_id']);
  });

  it('serves a page for each stage that runs no script but its own (V67, V69)', async () => {
    const session = '"><script>alert(1)</script>';
    for (const stage of ['m.login.dummy', 'm.login.password', 'm.login.registration_token']) {
      const page = await request(server.baseUrl, 'GET', fallback(stage), { query: { session } });
      assert.equal(page.status, 200, page.bodyText);
      assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
      assert.ok(!page.bodyText.includes('<script>alert'), 'what came with the request is escaped');
      assert.ok(page.bodyText.includes('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;'));
      assert.ok(page.bodyText.includes('window.opener.postMessage("authDone", "*")'));
      const policy = page.headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /script-src 'sha256-[^ ;]+';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.equal(page.headers.get('x-frame-options'), 'DENY');
    }
    assertError(await request(server.baseUrl, 'GET', fallback('m.login.dummy')), 400, 'M_MISSING_PARAM');
    const query = { session: 'x' };
    assertError(await request(server.baseUrl, 'GET', fallback('m.login.recaptcha'), { query }), 404, 'M_NOT_FOUND');
  });
});

describe('wrong passwords', () => {
  const server = useSuiteServer({
    CAUSEWAY_RATE_LIMITS_ENABLED: 'true',
    CAUSEWAY_RATE_LIMITS_WRONG_PASSWORDS_BURST: '5',
    CAUSEWAY_RATE_LIMITS_WRONG_PASSWORDS_PER_SECOND: '0.001',
    CAUSEWAY_RATE_LIMITS_CLASSES_LOGIN_BURST: '1000',
    CAUSEWAY_RATE_LIMITS_CLASSES_REGISTER_BURST: '1000',
  });

  it('are limited for each account, whether it exists or not, and wherever they are given (C10)', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const device = await logIn(server.baseUrl, alice.userId);
    const attempt = (user: string, password: string): Promise<Answer> =>
      request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
        body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
      });
    const nobody = uniqueName('nobody');
    for (let count = 0; count < 5; count++) {
      for (const user of [alice.userId, nobody]) assertError(await attempt(user, 'wrong'), 403, 'M_FORBIDDEN');
    }
    for (const user of [alice.userId, nobody]) {
      const limited = await attempt(user, testPassword);
      assertError(limited, 429, 'M_LIMIT_EXCEEDED');
      assert.ok(Number(limited.headers.get('retry-after')) > 0);
    }
    const path = `/devices/${device.deviceId}`;
    assertError(await confirmed(alice, 'DELETE', path), 429, 'M_LIMIT_EXCEEDED');
    for (let count = 0; count < 10; count++) await logIn(server.baseUrl, bob.userId);
  });
});

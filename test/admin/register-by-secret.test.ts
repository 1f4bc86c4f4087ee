/** Owns the tests of registration by a shared secret, as scripts of administrators do it. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { makeNonce, registerBySecret, type SecretRegistration } from '#users/register-by-secret.ts';
import { assertError, logIn, openSession, readSession, request, uniqueName } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { openUsers } from '#test/users/open-users.ts';

const path = '/_synapse/admin/v1/register';
const secret = 'a shared secret';
const password = 'a long password';

function sign(nonce: string, username: string, words: { admin?: boolean; secret?: string } = {}): SecretRegistration {
  const { admin = false } = words;
  const mac = createHmac('sha1', words.secret ?? secret)
    .update([nonce, username, password, admin ? 'admin' : 'notadmin'].join('\0'))
    .digest('hex');
  return { nonce, username, password, admin, mac };
}

describe('registration by a shared secret', () => {
  const server = useSuiteServer({ CAUSEWAY_REGISTRATION_MODE: 'closed', CAUSEWAY_ADMIN_SHARED_SECRET: secret });

  async function newNonce(): Promise<string> {
    return text((await request(server.baseUrl, 'GET', path)).body, 'nonce');
  }

  it('makes an account that is logged in and can log in, though registration is closed to others', async () => {
    const username = uniqueName('alice');
    const answer = await request(server.baseUrl, 'POST', path, { body: sign(await newNonce(), username) });
    assert.equal(answer.status, 200, answer.bodyText);
    const session = openSession(server.baseUrl, readSession(answer.body));
    assert.equal(text((await session.raw('GET', '/account/whoami')).body, 'user_id'), session.userId);
    const again = await logIn(server.baseUrl, username, password);
    assert.equal(again.userId, session.userId);
  });

  it('refuses a wrong secret, a changed request, a used and an invented nonce', async () => {
    const username = uniqueName('bob');
    const post = (body: SecretRegistration) => request(server.baseUrl, 'POST', path, { body });
    assertError(await post(sign(await newNonce(), username, { secret: 'another' })), 403, 'M_FORBIDDEN');
    assertError(await post({ ...sign(await newNonce(), username), admin: true }), 403, 'M_FORBIDDEN');
    assertError(await post({ ...sign(await newNonce(), username), mac: 'no hexadecimal' }), 403, 'M_FORBIDDEN');
    const nonce = await newNonce();
    assert.equal((await post(sign(nonce, username))).status, 200);
    assertError(await post(sign(nonce, uniqueName('carol'))), 400, 'M_UNKNOWN');
    const invented = `${Date.now() + 10_000}.random.${'A'.repeat(43)}`;
    assertError(await post(sign(invented, uniqueName('carol'))), 400, 'M_UNKNOWN');
    assertError(await post(sign('', uniqueName('carol'))), 400, 'M_UNKNOWN');
    assertError(await post(sign(await newNonce(), username)), 400, 'M_USER_IN_USE');
  });

  it('says which version runs', async () => {
    const answer = await request(server.baseUrl, 'GET', '/_synapse/admin/v1/server_version');
    assert.match(text(answer.body, 'server_version'), /^Causeway \d/);
    const federation = await request(server.baseUrl, 'GET', '/_matrix/federation/v1/version');
    assert.deepEqual(Object.keys(federation.body), ['server']);
  });
});

describe('a server without a shared secret', () => {
  const server = useSuiteServer();

  it('has no such endpoint', async () => {
    assertError(await request(server.baseUrl, 'GET', path), 404, 'M_UNRECOGNIZED');
    assertError(await request(server.baseUrl, 'POST', path, { body: sign('x', 'alice') }), 404, 'M_UNRECOGNIZED');
  });
});

describe('the account that is made', () => {
  it('is an administrator where the request says so, and the nonce lives for a minute', async () => {
    await using users = await openUsers({ mode: 'closed' });
    const parts = { ...users, config: { ...users.config, admin: { sharedSecret: secret } } };
    await registerBySecret(parts, sign(makeNonce(parts), 'alice', { admin: true }));
    await registerBySecret(parts, sign(makeNonce(parts), 'bob'));
    assert.deepEqual(
      await users.ask('select user_id, is_admin from accounts join users using (user_nid) order by user_id'),
      [
        { user_id: '@alice:hs1.test', is_admin: true },
        { user_id: '@bob:hs1.test', is_admin: false },
      ],
    );
    const late = makeNonce(parts);
    users.clock.nowMs += 60_001;
    await assert.rejects(registerBySecret(parts, sign(late, 'carol')), { errcode: 'M_UNKNOWN', status: 400 });
  });
});

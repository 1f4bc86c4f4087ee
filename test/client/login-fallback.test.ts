/** Owns the tests of the page for logging in, and of the ways to log in that there are not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, type Answer } from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('ways to log in', () => {
  const server = useSuiteServer();

  const get = (path: string, query = {}): Promise<Answer> => request(server.baseUrl, 'GET', path, { query });

  it('include a page, which hands on what it is given as text (V67, V69)', async () => {
    const page = await get('/_matrix/static/client/login/', { device_id: '"><script>alert(1)</script>' });
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.ok(page.bodyText.includes('name="device_id" value="&quot;&gt;&lt;script&gt;'));
    assert.ok(page.bodyText.includes('window.matrixLogin.onLogin(body)'));
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
  });

  it('do not include single sign-on and OAuth', async () => {
    assertError(await get('/_matrix/client/v3/login/sso/redirect', { redirectUrl: 'x' }), 404, 'M_NOT_FOUND');
    assertError(await get('/_matrix/client/v3/login/sso/redirect/idp', { redirectUrl: 'x' }), 404, 'M_NOT_FOUND');
    assertError(await get('/_matrix/client/v1/auth_metadata'), 404, 'M_UNRECOGNIZED');
  });

  it('do not include e-mail addresses, by which nobody is invited either', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const invitation = { id_server: 'x', id_access_token: 'x', medium: 'email', address: 'bob@example.org' };
    const path = `/rooms/${encode(roomId)}/invite`;
    assertError(await alice.raw('POST', path, { body: invitation }), 403, 'M_THREEPID_DENIED');
    assertError(await alice.raw('POST', path, { body: {} }), 400, 'M_MISSING_PARAM');
    assertError(
      await alice.raw('POST', '/createRoom', { body: { invite_3pid: [invitation] } }),
      403,
      'M_THREEPID_DENIED',
    );
    assert.equal((await alice.getMembers(roomId)).length, 1);
  });
});

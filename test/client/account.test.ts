/** Owns the tests of passwords, deactivation and third-party identifiers of accounts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askedToConfirm, confirmed, passwordAuth } from '#test/support/confirmed.ts';
import {
  assertError,
  encode,
  logIn,
  openSession,
  request,
  testPassword,
  type Answer,
  type MatrixHttp,
} from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const newPassword = 'a new and longer password';
const changePath = '/account/password';

describe('an account', () => {
  const server = useSuiteServer();

  const whoami = (user: MatrixHttp): Promise<Answer> => user.raw('GET', '/account/whoami');
  const tryLogIn = (user: string, password: string): Promise<Answer> =>
    request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
    });

  /** Asks until the condition holds; what a deactivation leaves to do is done after its answer. */
  async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline;) if (await condition()) return;
    assert.fail(what);
  }

  it('gets a new password, and its other devices are logged out', async () => {
    const [alice] = await server.newUsers('alice');
    const other = await logIn(server.baseUrl, alice.userId);
    const answer = await confirmed(alice, 'POST', changePath, { new_password: newPassword });
    assert.equal(answer.status, 200, answer.bodyText);
    assertError(await tryLogIn(alice.userId, testPassword), 403, 'M_FORBIDDEN');
    assert.equal((await whoami(alice)).status, 200);
    assertError(await whoami(other), 401, 'M_UNKNOWN_TOKEN');
    const third = await logIn(server.baseUrl, alice.userId, newPassword);
    const kept = { new_password: testPassword, logout_devices: false };
    assert.equal((await confirmed(alice, 'POST', changePath, kept, newPassword)).status, 200);
    assert.equal((await whoami(third)).status, 200);
  });

  it('keeps its password unless its user confirms with the old one (V75)', async () => {
    const [alice] = await server.newUsers('alice');
    const body = { new_password: newPassword };
    const wrong = await confirmed(alice, 'POST', changePath, body, 'not it');
    assert.deepEqual([wrong.status, wrong.body['errcode']], [401, 'M_FORBIDDEN']);
    const session = await askedToConfirm(alice, 'POST', changePath, body);
    const auth = passwordAuth(alice.userId, session);
    const swapped = await alice.raw('POST', changePath, { body: { new_password: 'another password', auth } });
    assert.equal(swapped.status, 401, 'what is confirmed is this very password');
    assertError(await alice.raw('POST', changePath, { body: { new_password: 'short' } }), 400, 'M_WEAK_PASSWORD');
    assertError(await confirmed(alice, 'POST', changePath, {}), 400, 'M_MISSING_PARAM');
    const path = `/_matrix/client/v3${changePath}`;
    assertError(await request(server.baseUrl, 'POST', path, { body }), 401, 'M_MISSING_TOKEN');
    await logIn(server.baseUrl, alice.userId);
  });

  it('ends when it is deactivated: sessions, password, profile, and the name for good (V60, V62, V79)', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const other = await logIn(server.baseUrl, alice.userId);
    const wrong = await confirmed(alice, 'POST', '/account/deactivate', {}, 'not it');
    assert.deepEqual([wrong.status, wrong.body['errcode']], [401, 'M_FORBIDDEN']);
    const answer = await confirmed(alice, 'POST', '/account/deactivate', { erase: true });
    assert.deepEqual([answer.status, answer.body], [200, { id_server_unbind_result: 'success' }]);
    for (const device of [alice, other]) assertError(await whoami(device), 401, 'M_UNKNOWN_TOKEN');
    for (const password of [testPassword, '', '*', 'x'.repeat(73)]) {
      assertError(await tryLogIn(alice.userId, password), 403, 'M_FORBIDDEN');
    }
    assertError(await bob.raw('GET', `/profile/${encode(alice.userId)}`), 404, 'M_NOT_FOUND');
    const username = alice.userId.slice(1, alice.userId.indexOf(':'));
    const body = { username: username.toUpperCase(), password: testPassword, auth: { type: 'm.login.dummy' } };
    const again = await request(server.baseUrl, 'POST', '/_matrix/client/v3/register', { body });
    assertError(again, 400, 'M_USER_IN_USE');
    const roomId = await bob.createRoom();
    const invitation = await bob.raw('POST', `/rooms/${encode(roomId)}/invite`, { body: { user_id: alice.userId } });
    assertError(invitation, 400, 'M_INVALID_PARAM');
  });

  it('leaves its rooms and rejects its invitations when it is deactivated, however many they are', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const rooms: string[] = [];
    for (let count = 0; count < 55; count++) rooms.push(await alice.createRoom({ invite: [bob.userId] }));
    const joined = [rooms[0] ?? '', rooms[54] ?? ''];
    for (const roomId of joined) await bob.join(roomId);
    const invited = await bob.createRoom({ invite: [alice.userId] });
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate')).status, 200);
    for (const roomId of [...joined, invited]) {
      await until(async () => {
        const members = await bob.getMembers(roomId);
        return members.find(({ state_key }) => state_key === alice.userId)?.content['membership'] === 'leave';
      }, `${alice.userId} is still in ${roomId}`);
    }
  });

  it('is not changed by a request without a session', async () => {
    const path = '/_matrix/client/v3/account/deactivate';
    assertError(await request(server.baseUrl, 'POST', path, { body: {} }), 401, 'M_MISSING_TOKEN');
  });

  it('has no e-mail addresses and no phone numbers, and says so in the codes of the specification', async () => {
    const [alice] = await server.newUsers('alice');
    const secret = { client_secret: 'secret', sid: '1' };
    const email = { client_secret: 'secret', email: 'alice@example.org', send_attempt: 1 };
    const phone = { client_secret: 'secret', country: 'GB', phone_number: '07700900001', send_attempt: 1 };
    assert.deepEqual((await alice.raw('GET', '/account/3pid')).body, { threepids: [] });
    const post = (path: string, body: object): Promise<Answer> => alice.raw('POST', path, { body });
    assertError(
      await post('/account/3pid', { three_pid_creds: { ...secret, id_server: 'x' } }),
      403,
      'M_THREEPID_AUTH_FAILED',
    );
    assertError(await post('/account/3pid/add', secret), 403, 'M_THREEPID_AUTH_FAILED');
    const binding = { ...secret, id_server: 'example.org', id_access_token: 'x' };
    assertError(await post('/account/3pid/bind', binding), 403, 'M_SERVER_NOT_TRUSTED');
    for (const [path, errcode, status] of [
      ['/account/3pid/email/requestToken', 'M_THREEPID_MEDIUM_NOT_SUPPORTED', 400],
      ['/register/email/requestToken', 'M_THREEPID_DENIED', 403],
      ['/account/password/email/requestToken', 'M_THREEPID_NOT_FOUND', 400],
    ] as const) {
      assertError(await post(path, email), status, errcode);
      assertError(await post(path.replace('email', 'msisdn'), phone), status, errcode);
      assertError(await post(path, { ...email, client_secret: 'x'.repeat(256) }), 400, 'M_INVALID_PARAM');
    }
    const identifier = { medium: 'email', address: 'alice@example.org' };
    for (const path of ['/account/3pid/delete', '/account/3pid/unbind']) {
      assert.deepEqual((await post(path, identifier)).body, { id_server_unbind_result: 'no-support' });
    }
    assert.deepEqual((await alice.raw('GET', '/account/3pid')).body, { threepids: [] });
    assert.equal((await openSession(server.baseUrl, alice).raw('GET', '/capabilities')).status, 200);
  });
});

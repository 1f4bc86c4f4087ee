/** Owns the tests of what accounts give to other services: OpenID tokens, relays for calls, networks, mutual rooms. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { confirmed } from '#test/support/confirmed.ts';
import { assertError, encode, request, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('services of an account', () => {
  const server = useSuiteServer();

  it('prove by OpenID tokens whose they are, until the account ends', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const path = (user: MatrixHttp): string => `/user/${encode(user.userId)}/openid/request_token`;
    const userinfo = (token: string): Promise<Answer> =>
      request(server.baseUrl, 'GET', '/_matrix/federation/v1/openid/userinfo', { query: { access_token: token } });
    const { body } = await alice.raw('POST', path(alice), { body: {} });
    const { access_token: _token, ...rest } = body;
    assert.deepEqual(rest, { token_type: 'Bearer', matrix_server_name: 'hs1.test', expires_in: 3_600 });
    const token = text(body, 'access_token');
    assert.deepEqual((await userinfo(token)).body, { sub: alice.userId });
    assertError(await userinfo(alice.accessToken), 401, 'M_UNKNOWN_TOKEN');
    const used = await request(server.baseUrl, 'GET', '/_matrix/client/v3/account/whoami', { token });
    assertError(used, 401, 'M_UNKNOWN_TOKEN');
    assertError(await bob.raw('POST', path(alice), { body: {} }), 403, 'M_FORBIDDEN');
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate')).status, 200);
    assertError(await userinfo(token), 401, 'M_UNKNOWN_TOKEN');
  });

  it('know no relay and no network where none is configured', async () => {
    const [alice] = await server.newUsers('alice');
    assert.deepEqual((await alice.raw('GET', '/voip/turnServer')).body, {});
    assert.deepEqual((await alice.raw('GET', '/thirdparty/protocols')).body, {});
    for (const kind of ['protocol', 'location', 'user']) {
      assertError(await alice.raw('GET', `/thirdparty/${kind}/irc`), 404, 'M_NOT_FOUND');
    }
    const byAlias = await alice.raw('GET', '/thirdparty/location', { query: { alias: '#a:hs1.test' } });
    const byUser = await alice.raw('GET', '/thirdparty/user', { query: { userid: alice.userId } });
    assert.deepEqual([byAlias.bodyText, byUser.bodyText], ['[]', '[]']);
  });

  it('list the rooms that two users share, and no others', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const list = (user: MatrixHttp, other: string, from?: string): Promise<Answer> =>
      request(server.baseUrl, 'GET', '/_matrix/client/v1/mutual_rooms', {
        token: user.accessToken,
        query: { user_id: other, from },
      });
    assert.deepEqual((await list(alice, bob.userId)).body, { joined: [], count: 0 });
    const shared: string[] = [];
    for (let count = 0; count < 103; count++) {
      const roomId = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(roomId);
      shared.push(roomId);
    }
    await alice.createRoom({ invite: [bob.userId] });
    await bob.createRoom();
    await bob.leave(shared.pop() ?? '');
    const first = await list(bob, alice.userId);
    assert.equal(first.body['count'], 102);
    const second = await list(bob, alice.userId, text(first.body, 'next_batch'));
    assert.deepEqual([first.body['joined'], second.body['joined']], [shared.slice(0, 100), shared.slice(100)]);
    assert.equal(second.body['next_batch'], undefined);
    for (const other of ['@nobody:hs1.test', '@x:elsewhere.test']) {
      assert.deepEqual((await list(bob, other)).body['joined'], [], other);
    }
    assertError(await list(bob, bob.userId), 400, 'M_INVALID_PARAM');
    assertError(await list(bob, 'bob'), 400, 'M_INVALID_PARAM');
    assertError(await list(bob, alice.userId, 'x'), 400, 'M_INVALID_PARAM');
  });
});

describe('a configured relay', () => {
  const server = useSuiteServer({
    CAUSEWAY_TURN_URIS: 'turn:turn.example.org:3478?transport=udp,turns:turn.example.org:5349',
    CAUSEWAY_TURN_SHARED_SECRET: 'a shared secret',
    CAUSEWAY_TURN_LIFETIME_S: '600',
  });

  it('takes the credentials that clients are given', async () => {
    const [alice] = await server.newUsers('alice');
    const { body } = await alice.raw('GET', '/voip/turnServer');
    const username = text(body, 'username');
    const [expiry = '', ...user] = username.split(':');
    assert.equal(user.join(':'), alice.userId);
    assert.ok(Math.abs(Number(expiry) - Date.now() / 1_000 - 600) < 60, username);
    assert.equal(body['password'], createHmac('sha1', 'a shared secret').update(username).digest('base64'));
    assert.deepEqual(body['uris'], ['turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:5349']);
    assert.equal(body['ttl'], 600);
  });
});

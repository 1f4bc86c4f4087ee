/** Proves the endpoints of users over HTTP, against a real database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineFilter, getFilter } from '#api/client/filter.ts';
import { getProfileField, getUserProfile } from '#api/client/profile.ts';
import { checkUsernameAvailability, register, registrationTokenValidity } from '#api/client/registration.ts';
import { getTokenOwner } from '#api/client/whoami.ts';
import { startHttp } from '#test/http/test-http.ts';
import { openUsers, type TestRegistration } from '#test/users/open-users.ts';

const endpoints = [
  checkUsernameAvailability,
  defineFilter,
  getFilter,
  getProfileField,
  getTokenOwner,
  getUserProfile,
  register,
  registrationTokenValidity,
];

type Ask = (method: string, path: string, body?: object) => Promise<{ status: number; body: Record<string, unknown> }>;

/** Boots the endpoints; `ask` carries the token of @alice, once she is registered. */
async function boot(registration: TestRegistration) {
  const users = await openUsers(registration);
  const { authenticate } = users.authenticator;
  const http = await startHttp(endpoints, users, { seams: { authenticate } });
  let token = '';
  const ask: Ask = async (method, path, body) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await http.fetch(`/_matrix/client/${path}`, {
      method,
      ...init,
      headers: { Authorization: `Bearer ${token}` },
    });
    const answer: Record<string, unknown> = JSON.parse(await response.text());
    if (response.status === 200 && typeof answer['access_token'] === 'string') token = answer['access_token'];
    return { status: response.status, body: answer };
  };
  const dispose = async () => {
    await http[Symbol.asyncDispose]();
    await users[Symbol.asyncDispose]();
  };
  return { users, ask, [Symbol.asyncDispose]: dispose };
}

const account = { username: 'alice', password: 'a long password', device_id: 'PHONE', auth: { type: 'm.login.dummy' } };

test('an account is made, and its token says whose it is', async () => {
  await using server = await boot({ mode: 'open' });
  const { ask } = server;
  assert.equal((await ask('POST', 'v3/register', {})).status, 401, 'a client asks for the flows');
  assert.equal((await ask('POST', 'v3/register?kind=guest', {})).body['errcode'], 'M_GUEST_ACCESS_FORBIDDEN');
  const weak = await ask('POST', 'v3/register', { ...account, password: 'short' });
  assert.deepEqual([weak.status, weak.body['errcode']], [400, 'M_WEAK_PASSWORD']);
  const unset = await ask('POST', 'v3/register', { ...account, password: undefined });
  assert.deepEqual([unset.status, unset.body['errcode']], [400, 'M_MISSING_PARAM']);
  assert.equal((await ask('GET', 'v3/register/available?username=alice')).status, 200);
  assert.equal((await ask('POST', 'v3/register', account)).status, 200);
  assert.equal((await ask('GET', 'v3/register/available?username=Alice')).body['errcode'], 'M_USER_IN_USE');
  assert.deepEqual((await ask('GET', 'v3/account/whoami')).body, {
    user_id: '@alice:hs1.test',
    device_id: 'PHONE',
    is_guest: false,
  });
});

test('the validity of a registration token can be asked, unless registration is closed', async () => {
  const path = 'v1/register/m.login.registration_token/validity?token=';
  {
    await using server = await boot({ mode: 'token', token: 'right' });
    assert.deepEqual((await server.ask('GET', `${path}right`)).body, { valid: true });
    assert.deepEqual((await server.ask('GET', `${path}wrong`)).body, { valid: false });
  }
  await using server = await boot({ mode: 'closed', token: 'right' });
  assert.equal((await server.ask('GET', `${path}right`)).status, 403);
});

test('filters are checked, and for their owner alone', async () => {
  await using server = await boot({ mode: 'open' });
  const { ask } = server;
  await ask('POST', 'v3/register', account);
  const filter = { event_format: 'client', room: { timeline: { limit: 10 }, 'org.example.key': 1 } };
  const { filter_id: id } = (await ask('POST', 'v3/user/@alice:hs1.test/filter', filter)).body;
  assert.ok(typeof id === 'string');
  assert.deepEqual((await ask('GET', `v3/user/@alice:hs1.test/filter/${id}`)).body, filter);
  assert.equal((await ask('GET', 'v3/user/@alice:hs1.test/filter/17')).status, 404);
  assert.equal((await ask('GET', `v3/user/@bob:hs1.test/filter/${id}`)).body['errcode'], 'M_FORBIDDEN');
  assert.equal((await ask('POST', 'v3/user/@bob:hs1.test/filter', {})).body['errcode'], 'M_FORBIDDEN');
  for (const odd of [
    { room: { timeline: { limit: 0 } } },
    { room: { timeline: { limit: 1.5 } } },
    { room: { state: 'all' } },
    { room: { rooms: ['not a room'] } },
    { presence: { senders: ['nobody'] } },
    { event_fields: [1] },
    { event_format: 'other' },
  ]) {
    assert.equal((await ask('POST', 'v3/user/@alice:hs1.test/filter', odd)).status, 400, JSON.stringify(odd));
  }
});

test('profiles of local users can be read', async () => {
  await using server = await boot({ mode: 'open' });
  const { ask, users } = server;
  await ask('POST', 'v3/register', account);
  assert.deepEqual((await ask('GET', 'v3/profile/@alice:hs1.test')).body, {});
  assert.equal((await ask('GET', 'v3/profile/@alice:hs1.test/displayname')).status, 404);
  await users.ask("insert into profiles (user_nid, displayname) select user_nid, 'Alice' from users");
  assert.deepEqual((await ask('GET', 'v3/profile/@alice:hs1.test/displayname')).body, { displayname: 'Alice' });
  for (const userId of ['@nobody:hs1.test', '@alice:elsewhere.test']) {
    assert.equal((await ask('GET', `v3/profile/${userId}`)).body['errcode'], 'M_NOT_FOUND', userId);
  }
  assert.equal((await ask('GET', 'v3/profile/alice')).status, 400);
});

/** Proves registration with its sessions and tokens against a real database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { register, type Registration } from '#users/register.ts';
import { checkRegistrationToken, ensureRegistrationToken } from '#users/registration-tokens.ts';
import type { RegisterAuth } from '#users/uia/register-stages.ts';
import { openUsers, type TestUsers } from '#test/users/open-users.ts';

const password = 'a long password';

function attempt(users: TestUsers, username: string, auth?: RegisterAuth, request = username): Promise<Registration> {
  return register(users, { username, password, guestAccessToken: undefined, auth, request });
}

function sessionOf(registration: Registration): string {
  assert.ok('challenge' in registration);
  const session = registration.challenge['session'];
  assert.ok(typeof session === 'string');
  return session;
}

test('a session is for one request, once, and for an hour', async () => {
  await using users = await openUsers({ mode: 'open' });
  const session = sessionOf(await attempt(users, 'alice'));
  const auth = { type: 'm.login.dummy', session };
  const other = await attempt(users, 'bob', auth);
  assert.notEqual(sessionOf(other), session, 'another request gets another session');
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => attempt(users, 'alice', auth)));
  const made = results.filter((result) => result.status === 'fulfilled' && 'account' in result.value);
  assert.equal(made.length, 1);
  assert.deepEqual(await users.ask('select user_id from users'), [{ user_id: '@alice:hs1.test' }]);

  const late = sessionOf(await attempt(users, 'carol'));
  users.clock.nowMs += 3_600_001;
  assert.notEqual(sessionOf(await attempt(users, 'carol', { type: 'm.login.dummy', session: late })), late);
  assert.deepEqual(await users.ask('select count(*)::int from uia_sessions'), [{ count: 1 }], 'the old ones are gone');
});

test('neither session ids nor passwords can be read from the database', async () => {
  await using users = await openUsers({ mode: 'open' });
  const session = sessionOf(await attempt(users, 'alice'));
  const [row] = await users.ask('select session_id from uia_sessions');
  assert.notEqual(row?.['session_id'], session);
});

test('auth data without a session is a first attempt', async () => {
  await using users = await openUsers({ mode: 'open' });
  assert.ok('account' in (await attempt(users, 'alice', { type: 'm.login.dummy' })));
});

test('a closed server registers nobody', async () => {
  await using users = await openUsers({ mode: 'closed' });
  await assert.rejects(attempt(users, 'alice'), { errcode: 'M_FORBIDDEN', status: 403 });
});

test('a stored registration token is counted, and is used up even by a crowd', async () => {
  await using users = await openUsers({ mode: 'token' });
  await users.ask(`insert into registration_tokens (token, uses_allowed, created_at) values ('three', 3, 1)`);
  const names = Array.from({ length: 8 }, (_, i) => `user${i}`);
  const results = await Promise.allSettled(
    names.map(async (name) => {
      const session = sessionOf(await attempt(users, name));
      return attempt(users, name, { type: 'm.login.registration_token', token: 'three', session });
    }),
  );
  const made = results.filter((result) => result.status === 'fulfilled' && 'account' in result.value);
  assert.equal(made.length, 3);
  assert.deepEqual(await users.ask('select completed::int from registration_tokens'), [{ completed: 3 }]);
  assert.deepEqual(await users.ask('select count(*)::int from accounts'), [{ count: 3 }]);
  assert.equal(await checkRegistrationToken(users, 'three'), 'unusable');
});

test('registration tokens expire', async () => {
  await using users = await openUsers({ mode: 'token' });
  await users.ask(`insert into registration_tokens (token, expires_at, created_at) values ('brief', $1, 1)`, [
    users.clock.nowMs + 1000,
  ]);
  assert.equal(await checkRegistrationToken(users, 'brief'), 'stored');
  users.clock.nowMs += 1000;
  assert.equal(await checkRegistrationToken(users, 'brief'), 'unusable');
  assert.equal(await checkRegistrationToken(users, 'no\0token'), 'unusable');
});

test('there is always a registration token: the configured one, or one that is made once', async () => {
  await using users = await openUsers({ mode: 'token' });
  const token = await ensureRegistrationToken(users);
  assert.match(token, /^[A-Za-z0-9_-]{24}$/);
  assert.equal(await ensureRegistrationToken(users), token);
  const configured = { ...users, config: { ...users.config, registration: { token: 'configured' } } };
  assert.equal(await ensureRegistrationToken(configured), 'configured');
  assert.equal(await checkRegistrationToken(configured, 'configured'), 'configured');
  assert.equal(await checkRegistrationToken(configured, token), 'stored');
  assert.equal(await checkRegistrationToken(users, 'configured'), 'unusable');
});

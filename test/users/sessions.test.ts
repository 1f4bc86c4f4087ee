/** Proves refreshing and expiry of tokens against a real database, with a clock that a test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccount } from '#users/create-account.ts';
import { createLoginToken, requireTokenLogin } from '#users/login-tokens.ts';
import { createSession, refreshSession, type SessionTokens } from '#users/sessions.ts';
import { openUsers, type TestUsers } from '#test/users/open-users.ts';

const call = { remoteAddress: '192.0.2.1', userAgent: 'test' };
const unknown = { errcode: 'M_UNKNOWN_TOKEN', status: 401, fields: { soft_logout: false } };
const expired = { errcode: 'M_UNKNOWN_TOKEN', status: 401, fields: { soft_logout: true } };

async function logInRefreshably(users: TestUsers) {
  const { userNid } = await createAccount(users, { localpart: 'alice', password: 'a long password' });
  return { userNid, ...(await createSession(users, { userNid, deviceId: 'PHONE', isRefreshable: true })) };
}

async function use(users: TestUsers, { access_token: token }: SessionTokens): Promise<string> {
  return (await users.authenticator.authenticate(token, call)).deviceId;
}

function refreshTokenOf({ refresh_token: token }: SessionTokens): string {
  assert.ok(token !== undefined);
  return token;
}

test('an access token that can be refreshed expires softly, to the millisecond', async () => {
  await using users = await openUsers({ mode: 'open' });
  const session = await logInRefreshably(users);
  assert.equal(session.expires_in_ms, 60_000);
  users.clock.nowMs += 58_000;
  assert.equal(await use(users, session), 'PHONE');
  users.clock.nowMs += 1_999;
  assert.equal(await use(users, session), 'PHONE');
  users.clock.nowMs += 1;
  await assert.rejects(use(users, session), expired, 'though it was remembered for longer');
  assert.equal(await use(users, await refreshSession(users, refreshTokenOf(session))), 'PHONE');
});

test('a lost refresh can be retried until one of the new tokens is used (T3)', async () => {
  await using users = await openUsers({ mode: 'open' });
  const session = await logInRefreshably(users);
  const lost = await refreshSession(users, refreshTokenOf(session));
  assert.equal(await use(users, session), 'PHONE', 'the old access token is good as long as its client has no other');
  const retried = await refreshSession(users, refreshTokenOf(session));
  await assert.rejects(use(users, lost), unknown, 'one family of tokens lives');
  await assert.rejects(refreshSession(users, refreshTokenOf(lost)), unknown);
  assert.equal(await use(users, retried), 'PHONE');
  await assert.rejects(use(users, session), unknown, 'the new tokens have arrived, so the old ones are over');
  assert.deepEqual(await users.ask('select count(*)::int from access_tokens'), [{ count: 1 }]);
});

test('the use of the new refresh token ends the old one too', async () => {
  await using users = await openUsers({ mode: 'open' });
  const first = await logInRefreshably(users);
  const second = await refreshSession(users, refreshTokenOf(first));
  const third = await refreshSession(users, refreshTokenOf(second));
  assert.equal(await use(users, third), 'PHONE');
  assert.deepEqual(await users.ask('select count(*)::int from refresh_tokens where not is_revoked'), [{ count: 1 }]);
  assert.deepEqual(
    await users.ask('select count(*)::int from refresh_tokens'),
    [{ count: 2 }],
    'the last used is kept',
  );
});

test('a refresh token that comes back after its successor was used ends the session softly (T3)', async () => {
  await using users = await openUsers({ mode: 'open' });
  const first = await logInRefreshably(users);
  const second = await refreshSession(users, refreshTokenOf(first));
  await use(users, second);
  await assert.rejects(refreshSession(users, refreshTokenOf(first)), expired);
  await assert.rejects(
    use(users, second),
    expired,
    'whoever has the copy has nothing, and the client may log in again',
  );
  await assert.rejects(refreshSession(users, refreshTokenOf(second)), unknown);
  const again = await createSession(users, { userNid: first.userNid, deviceId: 'PHONE' });
  assert.equal(await use(users, again), 'PHONE');
});

test('many refreshes at once leave one family of tokens', async () => {
  await using users = await openUsers({ mode: 'open' });
  const first = await logInRefreshably(users);
  const results = await Promise.all(Array.from({ length: 8 }, () => refreshSession(users, refreshTokenOf(first))));
  const uses = await Promise.allSettled(results.map((tokens) => use(users, tokens)));
  assert.equal(uses.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('tokens of a locked or deactivated account cannot be refreshed (V60)', async () => {
  await using users = await openUsers({ mode: 'open' });
  const session = await logInRefreshably(users);
  await users.ask('update accounts set locked_at = 1');
  await assert.rejects(refreshSession(users, refreshTokenOf(session)), { errcode: 'M_USER_LOCKED', status: 401 });
  await users.ask('update accounts set deactivated_at = 1');
  await assert.rejects(refreshSession(users, refreshTokenOf(session)), unknown);
});

test('a login token lets in once, for two minutes, and nobody whose account is gone', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userId, userNid } = await createAccount(users, { localpart: 'alice', password: 'a long password' });
  const make = (): Promise<string> => createLoginToken(users, userNid, async () => undefined);
  const [once, late, gone] = [await make(), await make(), await make()];
  assert.deepEqual(await requireTokenLogin(users, once), { userId, userNid });
  const refusal = { errcode: 'M_FORBIDDEN', status: 403 };
  await assert.rejects(requireTokenLogin(users, once), refusal);
  await users.ask('update accounts set deactivated_at = 1');
  await assert.rejects(requireTokenLogin(users, gone), refusal);
  await users.ask('update accounts set deactivated_at = null');
  users.clock.nowMs += 120_000;
  await assert.rejects(requireTokenLogin(users, late), refusal);
  await assert.rejects(requireTokenLogin(users, 'no\0token'), refusal);
});

test('tokens are random, stored as hashes, and of 256 bits (V59, T11)', async () => {
  await using users = await openUsers({ mode: 'open' });
  const session = await logInRefreshably(users);
  const loginToken = await createLoginToken(users, session.userNid, async () => undefined);
  const tokens = [session.access_token, refreshTokenOf(session), loginToken];
  for (const token of tokens) assert.equal(Buffer.from(token, 'base64url').length, 32);
  for (const table of ['access_tokens', 'refresh_tokens', 'login_tokens']) {
    const [row] = await users.ask(`select t::text as line from ${table} t`);
    for (const token of tokens) assert.ok(!String(row?.['line']).includes(token));
  }
});

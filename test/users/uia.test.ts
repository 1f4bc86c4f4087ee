/** Proves the order of stages and the bounds of sessions against a real database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccount } from '#users/create-account.ts';
import { authoriseByUia, type UiaAuth } from '#users/uia/authorise.ts';
import { authoriseUser } from '#users/uia/authorise-user.ts';
import type { UiaFlow } from '#users/uia/stages.ts';
import { openUsers, type TestUsers } from '#test/users/open-users.ts';

const flows: readonly UiaFlow[] = [['m.login.registration_token', 'm.login.dummy'], ['m.login.password']];

async function attempt(users: TestUsers, auth?: UiaAuth): Promise<Record<string, unknown>> {
  const verdict = await authoriseByUia(users, {
    operation: 'test',
    userNid: 0,
    request: 'the request',
    flows,
    auth,
    checkStage: async ({ type }) =>
      type === 'm.login.password'
        ? { passed: false, failure: { errcode: 'M_FORBIDDEN', error: 'No.' } }
        : { passed: true },
  });
  return verdict.authorised ? { authorised: true } : verdict.challenge;
}

test('stages are completed in their order, each once', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { session } = await attempt(users);
  assert.ok(typeof session === 'string');
  const early = await attempt(users, { session, type: 'm.login.dummy' });
  assert.deepEqual([early['errcode'], early['completed']], ['M_FORBIDDEN', []]);
  const first = await attempt(users, { session, type: 'm.login.registration_token' });
  assert.deepEqual([first['errcode'], first['completed']], [undefined, ['m.login.registration_token']]);
  const repeated = await attempt(users, { session, type: 'm.login.registration_token' });
  assert.deepEqual(repeated, first, 'a completed stage is not attempted again');
  const other = await attempt(users, { session, type: 'm.login.password' });
  assert.equal(other['errcode'], 'M_FORBIDDEN', 'the other flow was not begun');
  assert.deepEqual(await attempt(users, { session }), first, 'the session alone says how far it is');
  assert.deepEqual(await attempt(users, { session, type: 'm.login.dummy' }), { authorised: true });
});

test('a stage that fails completes nothing', async () => {
  await using users = await openUsers({ mode: 'open' });
  const failed = await attempt(users, { type: 'm.login.password' });
  assert.deepEqual([failed['errcode'], failed['completed']], ['M_FORBIDDEN', []]);
});

test('a user has twenty sessions at most', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userNid } = await createAccount(users, { localpart: 'alice', password: 'a long password' });
  const sessions: unknown[] = [];
  for (let count = 0; count < 25; count++) {
    users.clock.nowMs += 1;
    const verdict = await authoriseUser(users, { operation: 'test', userNid, request: '', auth: undefined });
    assert.ok(!verdict.authorised);
    sessions.push(verdict.challenge['session']);
  }
  assert.deepEqual(await users.ask('select count(*)::int from uia_sessions'), [{ count: 20 }]);
  const resumed = await authoriseUser(users, {
    operation: 'test',
    userNid,
    request: '',
    auth: { session: String(sessions[24]) },
  });
  assert.ok(!resumed.authorised && resumed.challenge['session'] === sessions[24], 'the newest are kept');
});

test('a password that somebody confirms with is nowhere in the database (V61)', async () => {
  await using users = await openUsers({ mode: 'open' });
  const canary = 'canary-password-4711';
  const { userNid } = await createAccount(users, { localpart: 'alice', password: canary });
  const auth = { type: 'm.login.password', password: canary };
  const verdict = await authoriseUser(users, { operation: 'test', userNid, request: `${canary} is new`, auth });
  assert.ok(verdict.authorised);
  const tables = await users.ask("select tablename from pg_tables where schemaname = 'public'");
  for (const { tablename } of tables) {
    const found = await users.ask(`select from ${String(tablename)} t where t::text like '%${canary}%'`);
    assert.deepEqual(found, [], String(tablename));
  }
});

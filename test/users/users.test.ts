/** Proves accounts, sessions, tokens and filters against a real database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findAccountData } from '#storage/users/find-account-data.ts';
import { createAccount } from '#users/create-account.ts';
import { createFilter, findFilter } from '#users/filters.ts';
import { requirePasswordLogin } from '#users/log-in.ts';
import { findProfile } from '#users/profile.ts';
import { removeDevices } from '#users/remove-devices.ts';
import { createSession } from '#users/sessions.ts';
import { openUsers } from '#test/users/open-users.ts';

const call = { remoteAddress: '192.0.2.1', userAgent: 'test' };
const password = 'a long password';
const unknownToken = { errcode: 'M_UNKNOWN_TOKEN', status: 401, fields: { soft_logout: false } };

test('one of fifty who want a name at once gets it', async () => {
  await using users = await openUsers({ mode: 'open' });
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) =>
      createAccount(users, { localpart: i % 2 === 0 ? 'alice' : 'Alice', password }),
    ),
  );
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 49);
  for (const { reason } of refused) assert.equal(reason.errcode, 'M_USER_IN_USE', reason.stack);
  assert.deepEqual(await users.ask('select count(*)::int from accounts'), [{ count: 1 }]);
});

test('a login takes the right password of an account that may log in', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userId, userNid } = await createAccount(users, { localpart: 'alice', password });
  await createAccount(users, { localpart: 'nopassword' });
  assert.deepEqual(await requirePasswordLogin(users, { user: 'ALICE', password }), { userId, userNid });
  const refusal = { errcode: 'M_FORBIDDEN', status: 403, message: 'The user name or the password is wrong.' };
  for (const [user, given] of [
    ['alice', 'another password'],
    ['nobody', password],
    ['nopassword', password],
    ['@alice:elsewhere.test', password],
    ['\0', password],
  ] as const) {
    await assert.rejects(requirePasswordLogin(users, { user, password: given }), refusal, user);
  }
  await users.ask('update accounts set locked_at = 1 where user_nid = $1', [userNid]);
  await assert.rejects(requirePasswordLogin(users, { user: userId, password }), { errcode: 'M_USER_LOCKED' });
  await users.ask('update accounts set deactivated_at = 1 where user_nid = $1', [userNid]);
  await assert.rejects(requirePasswordLogin(users, { user: userId, password }), refusal);
});

test('a token is remembered for five seconds, and forgotten at once where it is revoked', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { authenticator, otherAuthenticator, clock } = users;
  const { userId, userNid } = await createAccount(users, { localpart: 'alice', password });
  const { access_token: accessToken, device_id: deviceId } = await createSession(users, {
    userNid,
    displayName: 'Phone',
  });
  const principal = await authenticator.authenticate(accessToken, call);
  assert.deepEqual(
    { userId, userNid, deviceId, accountState: 'active' },
    {
      userId: principal.userId,
      userNid: principal.userNid,
      deviceId: principal.deviceId,
      accountState: principal.accountState,
    },
  );
  assert.equal(authenticator.authenticate(accessToken, call), principal, 'the second time at once');
  await otherAuthenticator.authenticate(accessToken, call);
  await removeDevices(users, { userNid, deviceIds: [deviceId] });
  await assert.rejects(async () => authenticator.authenticate(accessToken, call), unknownToken);
  assert.equal((await otherAuthenticator.authenticate(accessToken, call)).userId, userId, 'not told, but not for long');
  clock.nowMs += 5_000;
  await assert.rejects(async () => otherAuthenticator.authenticate(accessToken, call), unknownToken);
  assert.deepEqual(await users.ask('select from access_tokens'), []);
  assert.deepEqual(await users.ask('select from devices'), []);
});

test('what is revoked while it is looked up is not remembered', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userNid } = await createAccount(users, { localpart: 'alice', password });
  const { access_token: accessToken } = await createSession(users, { userNid });
  const lookup = users.authenticator.authenticate(accessToken, call);
  users.authenticator.forgetDevices([]);
  await lookup;
  await users.ask('delete from access_tokens');
  await assert.rejects(async () => users.authenticator.authenticate(accessToken, call), unknownToken);
});

test('a device that logs in again has a new token, and keeps its name', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userNid } = await createAccount(users, { localpart: 'alice', password });
  const first = await createSession(users, { userNid, deviceId: 'PHONE', displayName: 'Phone' });
  await users.authenticator.authenticate(first.access_token, call);
  const again = await Promise.all(
    Array.from({ length: 10 }, () => createSession(users, { userNid, deviceId: 'PHONE', displayName: 'Other' })),
  );
  await assert.rejects(async () => users.authenticator.authenticate(first.access_token, call), unknownToken);
  const tokens = await Promise.allSettled(
    again.map(async ({ access_token: accessToken }) => users.authenticator.authenticate(accessToken, call)),
  );
  assert.equal(tokens.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(await users.ask('select device_id, display_name from devices'), [
    { device_id: 'PHONE', display_name: 'Phone' },
  ]);
  const tablet = await createSession(users, { userNid });
  await removeDevices(users, { userNid, exceptDeviceNid: 0 });
  await assert.rejects(async () => users.authenticator.authenticate(tablet.access_token, call), unknownToken);
});

test('the state of the account comes with the principal, and a deactivated one has no tokens', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userNid } = await createAccount(users, { localpart: 'alice', password });
  const { access_token: accessToken } = await createSession(users, { userNid });
  const stateAfter = async (column: string) => {
    await users.ask(`update accounts set ${column} = 1`);
    users.clock.nowMs += 5_000;
    return (await users.authenticator.authenticate(accessToken, call)).accountState;
  };
  assert.equal(await stateAfter('suspended_at'), 'suspended');
  assert.equal(await stateAfter('locked_at'), 'locked');
  await assert.rejects(stateAfter('deactivated_at'), unknownToken);
});

test('a device is noted as seen every ten minutes', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userNid } = await createAccount(users, { localpart: 'alice', password });
  const { access_token: accessToken } = await createSession(users, { userNid });
  const start = users.clock.nowMs;
  const seenAfter = async (laterMs: number, expected: number) => {
    users.clock.nowMs = start + laterMs;
    await users.authenticator.authenticate(accessToken, call);
    // It is written behind the request's back; the pool hands out connections in turn, so few tries are needed.
    for (let tries = 0; tries < 100; tries++) {
      const [device] = await users.ask('select last_seen_at::float8 as at, last_seen_ip as ip from devices');
      if (device?.['at'] === expected) return device['ip'];
    }
    throw new Error('The device was not noted.');
  };
  assert.equal(await seenAfter(0, start), '192.0.2.1');
  await seenAfter(599_000, start);
  await seenAfter(605_000, start + 605_000);
});

test('filters have ids of their own user, and the same filter one id', async () => {
  await using users = await openUsers({ mode: 'open' });
  const [alice, bob] = await Promise.all(
    ['alice', 'bob'].map((localpart) => createAccount(users, { localpart, password })),
  );
  assert.ok(alice && bob);
  const filters = [1, 2, 3, 4].map((limit) => ({ room: { timeline: { limit } } }));
  const ids = await Promise.all(
    [...filters, ...filters].map((filter) => createFilter(users.database, alice.userNid, filter)),
  );
  assert.deepEqual(ids.slice(0, 4), ids.slice(4));
  assert.deepEqual(ids.slice(0, 4).toSorted(), ['0', '1', '2', '3']);
  assert.deepEqual(await findFilter(users.database, alice.userNid, ids[2] ?? ''), filters[2]);
  assert.equal(await findFilter(users.database, bob.userNid, '0'), undefined);
  for (const odd of ['', '-1', '9', 'x', '1e3', '9'.repeat(30)]) {
    assert.equal(await findFilter(users.database, alice.userNid, odd), undefined, odd);
  }
  const large = { event_fields: ['x'.repeat(65_536)] };
  await assert.rejects(createFilter(users.database, alice.userNid, large), { errcode: 'M_TOO_LARGE' });
});

test('a profile is what is stored', async () => {
  await using users = await openUsers({ mode: 'open' });
  const { userId, userNid } = await createAccount(users, { localpart: 'alice', password });
  assert.deepEqual(await findProfile(users.database, userId), {});
  assert.equal(await findProfile(users.database, '@nobody:hs1.test'), undefined);
  await users.ask(
    `insert into profiles (user_nid, displayname, fields) values ($1, 'Alice', '{"m.tz":"Europe/London"}')`,
    [userNid],
  );
  assert.deepEqual(await findProfile(users.database, userId), { displayname: 'Alice', 'm.tz': 'Europe/London' });
});

test('account data is read in the order of its changes', async () => {
  await using users = await openUsers({ mode: 'open' });
  await users.ask(`insert into account_data (user_nid, room_nid, type, content, pos)
    values (1, 0, 'a', '{"a":1}', 7), (1, 4, 'b', '{}', 5), (1, 0, 'c', '{}', 9), (2, 0, 'a', '{}', 6)`);
  assert.deepEqual(await findAccountData(users.database, 1, 4, 8), [
    { roomNid: 4, type: 'b', content: '{}', pos: 5 },
    { roomNid: 0, type: 'a', content: '{"a":1}', pos: 7 },
  ]);
});

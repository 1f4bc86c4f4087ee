/** Owns the tests of keys in numbers, across processes and across a restore. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import type { ReadTx } from '#storage/database.ts';
import { createAccount } from '#users/create-account.ts';
import { queryKeys } from '#users/keys/query-keys.ts';
import { makeDeviceKeys, makeFallbackKey, makeOneTimeKeys } from '#test/encryption/test-keys.ts';
import { openSession, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { openUsers } from '#test/users/open-users.ts';

const algorithm = 'signed_curve25519';

/** The names of the keys that a claim gives. */
async function claim(claimer: MatrixHttp, of: MatrixHttp): Promise<string[]> {
  const body = { one_time_keys: { [of.userId]: { [of.deviceId]: algorithm } } };
  const answer = await claimer.raw('POST', '/keys/claim', { body });
  assert.equal(answer.status, 200, answer.bodyText);
  const devices = asObject(answer.body['one_time_keys'], 'one_time_keys')[of.userId];
  return devices === undefined ? [] : Object.keys(asObject(asObject(devices, 'devices')[of.deviceId], 'keys'));
}

test('the keys of five hundred devices are found in three queries', async () => {
  await using users = await openUsers({ mode: 'open' });
  const names = Array.from({ length: 50 }, (_, index) => `user${index}`);
  for (const localpart of names) await createAccount(users, { localpart });
  await users.ask(
    `with made as (
       insert into devices (user_nid, device_id, created_at)
       select user_nid, 'D' || n, 0 from accounts, generate_series(1, 10) n returning *)
     insert into device_keys (device_nid, user_nid, device_id, signed_text, signatures)
     select device_nid, user_nid, device_id, '{"device_id":"' || device_id || '"}', '{}' from made`,
  );
  let queries = 0;
  const counting: ReadTx = {
    query: (statement, values) => {
      queries += 1;
      return users.database.query(statement, values);
    },
  };
  const asked = Object.fromEntries(names.map((name) => [`@${name}:hs1.test`, []]));
  const answer: Record<string, JsonObject> = JSON.parse((await queryKeys(counting, asked, 1)).device_keys);
  assert.equal(Object.values(answer).flatMap((devices) => Object.keys(devices)).length, 500);
  assert.equal(queries, 3);
});

test('two hundred claims through two processes of a hundred and fifty keys give each key to one', async () => {
  await using database = await createTestDatabase();
  await using first = await startServerProcess({ databaseUrl: database.url });
  await using second = await startServerProcess({ databaseUrl: database.url });
  const alice = await registerUser(first.baseUrl);
  const { key, keys } = makeDeviceKeys(alice);
  const ids = Array.from({ length: 150 }, (_, index) => `K${index}`);
  const fallback_keys = makeFallbackKey('F', alice, key);
  const body = { device_keys: keys, one_time_keys: makeOneTimeKeys(ids, alice, key), fallback_keys };
  assert.equal((await alice.raw('POST', '/keys/upload', { body })).status, 200);
  const bob = await registerUser(first.baseUrl);
  const elsewhere = openSession(second.baseUrl, bob);
  const claims = Array.from({ length: 200 }, (_, index) => claim(index % 2 === 0 ? bob : elsewhere, alice));
  const names = (await Promise.all(claims)).flat();
  assert.equal(names.length, 200, 'nobody is left without a key');
  const oneTime = names.filter((name) => name !== `${algorithm}:F`);
  assert.equal(oneTime.length, 150);
  assert.equal(new Set(oneTime).size, 150);
  const { raw } = await openSession(second.baseUrl, alice).sync();
  assert.deepEqual(raw['device_unused_fallback_key_types'], [], 'the device hears that its last resort is in use');
});

test('a restored database gives out no one-time key, which may have been given out before', async () => {
  await using database = await createTestDatabase();
  const start = () => startServerProcess({ databaseUrl: database.url });
  await using former = await start();
  const session = await registerUser(former.baseUrl);
  const { key, keys } = makeDeviceKeys(session);
  const one_time_keys = makeOneTimeKeys(['1', '2'], session, key);
  const fallback_keys = makeFallbackKey('F', session, key);
  await session.raw('POST', '/keys/upload', { body: { device_keys: keys, one_time_keys, fallback_keys } });
  await former.stop();

  const client = new Client(database.connection);
  await client.connect();
  await client.query("update token_epochs set system_identifier = 'before the restore'");
  await client.end();

  await using restored = await start();
  const alice = openSession(restored.baseUrl, session);
  assert.deepEqual((await alice.sync()).raw['device_one_time_keys_count'], {});
  assert.deepEqual(await claim(alice, alice), [`${algorithm}:F`]);
  const others = makeOneTimeKeys(['3'], alice, key);
  assert.equal((await alice.raw('POST', '/keys/upload', { body: { one_time_keys: others } })).status, 200);
  assert.deepEqual(await claim(alice, alice), Object.keys(others));
});

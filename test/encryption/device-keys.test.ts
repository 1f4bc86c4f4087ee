/** Owns the tests of publishing and reading the keys of devices. Specification: "Key Distribution". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, logIn, openSession, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { makeDeviceKeys, makeOneTimeKeys } from '#test/encryption/test-keys.ts';

describe('device keys', () => {
  const server = useSuiteServer();

  const upload = (user: MatrixHttp, body: JsonObject): Promise<Answer> => user.raw('POST', '/keys/upload', { body });
  const query = async (user: MatrixHttp, asked: JsonObject): Promise<JsonObject> => {
    const answer = await user.raw('POST', '/keys/query', { body: { device_keys: asked } });
    assert.equal(answer.status, 200, answer.bodyText);
    return answer.body;
  };
  const devicesOf = async (reader: MatrixHttp, userId: string, deviceIds: string[] = []): Promise<JsonObject> =>
    asObject(asObject((await query(reader, { [userId]: deviceIds }))['device_keys'], 'device_keys')[userId], userId);

  it('are told to others as they were uploaded, with the display name of the device', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { keys } = makeDeviceKeys(alice);
    const answer = await upload(alice, { device_keys: { ...keys, unsigned: { device_display_name: 'Forged' } } });
    assert.deepEqual([answer.status, answer.body], [200, { one_time_key_counts: {} }]);
    assert.deepEqual(await devicesOf(bob, alice.userId), { [alice.deviceId]: { ...keys, unsigned: {} } });

    const login = await bob.raw('POST', '/login', {
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: alice.userId },
        password: 'correct horse battery staple',
        device_id: 'TABLET "2"',
        initial_device_display_name: 'Her "tablet"',
      },
    });
    const tablet = openSession(server.baseUrl, {
      userId: alice.userId,
      deviceId: 'TABLET "2"',
      accessToken: String(login.body['access_token']),
    });
    const second = makeDeviceKeys(tablet).keys;
    assert.equal((await upload(tablet, { device_keys: second })).status, 200);
    const named = { ...second, unsigned: { device_display_name: 'Her "tablet"' } };
    assert.deepEqual(await devicesOf(bob, alice.userId, [tablet.deviceId]), { [tablet.deviceId]: named });
    assert.equal(Object.keys(await devicesOf(bob, alice.userId)).length, 2);
  });

  it('are missing for who is unknown, and empty for who has none', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const nobody = bob.userId.replace('@', '@nobody');
    const answer = await query(alice, {
      [bob.userId]: ['X', '\0'],
      [nobody]: [],
      '@x:elsewhere.test': [],
      'not a user': [],
    });
    assert.deepEqual(answer['device_keys'], { [bob.userId]: {} });
    for (const member of ['master_keys', 'self_signing_keys', 'user_signing_keys']) {
      assert.deepEqual(answer[member], {}, member);
    }
    assert.ok(Object.hasOwn(asObject(answer['failures'], 'failures'), 'elsewhere.test'));
  });

  it('may be replaced, by which the one-time keys of the former identity go', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const first = makeDeviceKeys(alice);
    const former = makeOneTimeKeys(['1'], alice, first.key);
    await upload(alice, { device_keys: first.keys, one_time_keys: former });
    const again = await upload(alice, { device_keys: first.keys });
    assert.deepEqual(again.body, { one_time_key_counts: { signed_curve25519: 1 } });
    const { key, keys } = makeDeviceKeys(alice);
    const one_time_keys = makeOneTimeKeys(['1', '2'], alice, key);
    const answer = await upload(alice, { device_keys: keys, one_time_keys });
    assert.deepEqual(answer.body, { one_time_key_counts: { signed_curve25519: 2 } }, answer.bodyText);
    assert.deepEqual(await devicesOf(bob, alice.userId), { [alice.deviceId]: { ...keys, unsigned: {} } });
  });

  it('go when their device logs out, with its one-time keys', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const other = await logIn(server.baseUrl, alice.userId);
    const claim = { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } };
    for (const device of [alice, other]) {
      const { key, keys } = makeDeviceKeys(device);
      await upload(device, { device_keys: keys, one_time_keys: makeOneTimeKeys(['1'], device, key) });
    }
    await alice.raw('POST', '/logout');
    assert.deepEqual(Object.keys(await devicesOf(bob, alice.userId)), [other.deviceId]);
    const claimed = await bob.raw('POST', '/keys/claim', { body: claim });
    assert.deepEqual(claimed.body['one_time_keys'], {});
    await other.raw('POST', '/logout/all');
    assert.deepEqual(await devicesOf(bob, alice.userId), {});
  });

  it('are refused if they are malformed or of somebody else, and nothing of the upload is stored', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { key, keys } = makeDeviceKeys(alice);
    const one_time_keys = makeOneTimeKeys(['1'], alice, key);
    const without = (name: string): JsonObject =>
      Object.fromEntries(Object.entries(keys).filter(([each]) => each !== name));
    const foreign = makeDeviceKeys(bob).keys;
    for (const device_keys of [
      null,
      [],
      'keys',
      ...['user_id', 'device_id', 'algorithms', 'keys', 'signatures'].map(without),
      { ...keys, user_id: bob.userId },
      { ...keys, device_id: 'OTHER' },
      { ...keys, algorithms: [1] },
      { ...keys, keys: { [`ed25519:${alice.deviceId}`]: 1 } },
      { ...keys, keys: { 'ed25519:OTHER': 'key' } },
      { ...keys, keys: { [alice.deviceId]: 'key' } },
      { ...keys, signatures: { [alice.userId]: 'signature' } },
      { ...keys, signatures: { [alice.userId]: { [`ed25519:${alice.deviceId}`]: null } } },
      { ...keys, power: 1.5 },
      { ...keys, padding: 'x'.repeat(20_000) },
      foreign,
    ]) {
      const answer = await upload(alice, { device_keys, one_time_keys });
      assertError(answer, 400, 'M_BAD_JSON', 'M_INVALID_PARAM');
    }
    assertError(await upload(alice, { device_keys: { ...keys, padding: 'x'.repeat(2 ** 20) } }), 413, 'M_TOO_LARGE');
    assert.deepEqual(await devicesOf(bob, alice.userId), {});
    assert.deepEqual((await upload(alice, {})).body, { one_time_key_counts: {} });
  });

  it('are asked for by maps of lists alone', async () => {
    const [alice] = await server.newUsers('alice');
    for (const device_keys of [{ [alice.userId]: { PHONE: true } }, { [alice.userId]: [1] }, [], 'all']) {
      assertError(await alice.raw('POST', '/keys/query', { body: { device_keys } }), 400, 'M_BAD_JSON');
    }
    assertError(await alice.raw('POST', '/keys/query', { body: {} }), 400, 'M_MISSING_PARAM');
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`@u${i}:hs1.test`, []]));
    const local = alice.userId.slice(alice.userId.indexOf(':'));
    const renamed = Object.fromEntries(Object.keys(many).map((id) => [id.replace(':hs1.test', local), []]));
    assertError(await alice.raw('POST', '/keys/query', { body: { device_keys: renamed } }), 413, 'M_TOO_LARGE');
  });
});

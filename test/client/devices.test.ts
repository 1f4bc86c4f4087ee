/** Owns the tests of devices. Specification: "Device Management". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { confirmed } from '#test/support/confirmed.ts';
import { assertError, logIn, request, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('devices', () => {
  const server = useSuiteServer();

  const deviceIds = async (user: MatrixHttp): Promise<unknown[]> => {
    const { body } = await user.raw('GET', '/devices');
    return asArray(body['devices'], 'devices').map((device) => asObject(device, 'a device')['device_id']);
  };
  const whoami = (user: MatrixHttp): Promise<Answer> => user.raw('GET', '/account/whoami');

  it('are listed with their names, and when and from where they were last used', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const login = await request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: alice.userId },
        password: 'correct horse battery staple',
        device_id: 'TABLET',
        initial_device_display_name: 'Tablet',
      },
    });
    assert.equal(login.status, 200, login.bodyText);
    assert.deepEqual(await deviceIds(alice), [alice.deviceId, 'TABLET']);
    const before = Date.now();
    await request(server.baseUrl, 'GET', '/_matrix/client/v3/account/whoami', {
      token: String(login.body['access_token']),
      headers: { 'User-Agent': 'a tablet' },
    });
    // What was seen is written behind the request's back.
    let tablet = await alice.raw('GET', '/devices/TABLET');
    for (let tries = 0; tries < 200 && tablet.body['last_seen_ts'] === undefined; tries++) {
      tablet = await alice.raw('GET', '/devices/TABLET');
    }
    const { last_seen_ts: seenAt, ...rest } = tablet.body;
    assert.ok(typeof seenAt === 'number' && seenAt >= before, tablet.bodyText);
    assert.deepEqual(rest, {
      device_id: 'TABLET',
      display_name: 'Tablet',
      last_seen_ip: '127.0.0.1',
      'org.matrix.msc3852.last_seen_user_agent': 'a tablet',
    });
    assertError(await bob.raw('GET', '/devices/TABLET'), 404, 'M_NOT_FOUND');
  });

  it('are renamed by their user alone', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const path = `/devices/${alice.deviceId}`;
    assert.equal((await alice.raw('PUT', path, { body: { display_name: 'My phone' } })).status, 200);
    assert.equal((await alice.raw('PUT', path, { body: {} })).status, 200, 'nothing to change');
    assert.equal((await alice.raw('GET', path)).body['display_name'], 'My phone');
    assertError(await bob.raw('PUT', path, { body: { display_name: 'Stolen' } }), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('PUT', '/devices/none', { body: { display_name: 'x' } }), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('PUT', '/devices/none', { body: {} }), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('PUT', path, { body: { display_name: 'x'.repeat(101) } }), 400, 'M_INVALID_PARAM');
    assert.equal((await alice.raw('GET', path)).body['display_name'], 'My phone');
  });

  it('are removed when their user confirms it, and their tokens with them', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const other = await logIn(server.baseUrl, alice.userId);
    const path = `/devices/${other.deviceId}`;
    assert.equal((await confirmed(bob, 'DELETE', path)).status, 200, 'it is not among his');
    assert.equal((await whoami(other)).status, 200);
    assert.equal((await confirmed(alice, 'DELETE', path)).status, 200);
    assertError(await alice.raw('GET', path), 404, 'M_NOT_FOUND');
    assertError(await whoami(other), 401, 'M_UNKNOWN_TOKEN');
    assert.deepEqual(await deviceIds(alice), [alice.deviceId]);
  });

  it('are removed several at once', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const others = [await logIn(server.baseUrl, alice.userId), await logIn(server.baseUrl, alice.userId)];
    const devices = [...others.map(({ deviceId }) => deviceId), bob.deviceId, 'unknown'];
    assert.equal((await confirmed(alice, 'POST', '/delete_devices', { devices })).status, 200);
    assert.deepEqual(await deviceIds(alice), [alice.deviceId]);
    for (const other of others) assertError(await whoami(other), 401, 'M_UNKNOWN_TOKEN');
    assert.deepEqual(await deviceIds(bob), [bob.deviceId], "others' devices stay, whatever their ids");
    assertError(await alice.raw('POST', '/delete_devices', { body: {} }), 400, 'M_MISSING_PARAM');
    assertError(await alice.raw('POST', '/delete_devices', { body: { devices: [7] } }), 400, 'M_BAD_JSON');
  });
});

/** Proves what other servers are told of the keys of users here. Specification: Server-Server API, "End-to-End Encryption". */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  makeCrossSigning,
  makeDeviceKeys,
  makeFallbackKey,
  makeOneTimeKeys,
  signAs,
} from '#test/encryption/test-keys.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { testPassword, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';

const path = '/_matrix/federation/v1/user';
const algorithm = 'signed_curve25519';

describe('the keys of users of this server', () => {
  let server: FederatedServer;
  let peer: Peer;
  before(async () => {
    [server, peer] = await Promise.all([startFederatedServer('keys.localhost'), startPeer()]);
  });
  after(async () => {
    await Promise.all([server[Symbol.asyncDispose](), peer[Symbol.asyncDispose]()]);
  });

  const upload = async (user: MatrixHttp, body: JsonObject): Promise<void> => {
    const answer = await user.raw('POST', '/keys/upload', { body });
    assert.equal(answer.status, 200, answer.bodyText);
  };
  const confirmed = (user: MatrixHttp, target: string, body: JsonObject): Promise<Answer> =>
    user.raw('POST', target, {
      body: {
        ...body,
        auth: {
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: user.userId },
          password: testPassword,
        },
      },
    });
  const listOf = async (userId: string): Promise<JsonObject> => {
    const answer = await peer.ask(server, 'GET', `${path}/devices/${encodeURIComponent(userId)}`);
    assert.equal(answer.status, 200, answer.bodyText);
    return answer.body;
  };

  test('are listed with their devices, names, signing keys and a version that moves with each change', async () => {
    const alice = await server.newUser('alice');
    assert.deepEqual(await listOf(alice.userId), { user_id: alice.userId, stream_id: 0, devices: [] });
    const { keys } = makeDeviceKeys(alice);
    await upload(alice, { device_keys: keys });
    const signing = makeCrossSigning(alice.userId);
    assert.equal((await confirmed(alice, '/keys/device_signing/upload', signing.upload)).status, 200);
    const signed = signAs(keys, alice.userId, signing.selfSigning);
    const signatures = { [alice.userId]: { [alice.deviceId]: signed } };
    const uploaded = await alice.raw('POST', '/keys/signatures/upload', { body: signatures });
    assert.deepEqual([uploaded.status, uploaded.body], [200, { failures: {} }]);
    const before = await listOf(alice.userId);
    await alice.raw('PUT', `/devices/${alice.deviceId}`, { body: { display_name: 'Hers' } });
    const list = await listOf(alice.userId);
    assert.ok(Number(list['stream_id']) > Number(before['stream_id']) && Number(before['stream_id']) > 0);
    assert.deepEqual(list, {
      user_id: alice.userId,
      stream_id: list['stream_id'],
      devices: [{ device_id: alice.deviceId, keys: signed, device_display_name: 'Hers' }],
      master_key: { ...signing.upload.master_key, signatures: { [alice.userId]: {} } },
      self_signing_key: signing.upload.self_signing_key,
    });
  });

  test('are told when they are asked for, but no user-signing key, and of nobody elsewhere', async () => {
    const bob = await server.newUser('bob');
    const { keys } = makeDeviceKeys(bob);
    await upload(bob, { device_keys: keys });
    const signing = makeCrossSigning(bob.userId);
    assert.equal((await confirmed(bob, '/keys/device_signing/upload', signing.upload)).status, 200);
    const body = {
      device_keys: { [bob.userId]: [], [peer.userId('carol')]: [], [`@nobody:${server.name}`]: [], nonsense: ['X'] },
    };
    const answer = await peer.ask(server, 'POST', `${path}/keys/query`, body);
    assert.equal(answer.status, 200, answer.bodyText);
    assert.deepEqual(answer.body, {
      device_keys: { [bob.userId]: { [bob.deviceId]: { ...keys, unsigned: {} } } },
      master_keys: { [bob.userId]: { ...signing.upload.master_key, signatures: { [bob.userId]: {} } } },
      self_signing_keys: { [bob.userId]: signing.upload.self_signing_key },
    });
    const one = await peer.ask(server, 'POST', `${path}/keys/query`, { device_keys: { [bob.userId]: ['OTHER'] } });
    assert.deepEqual(one.body['device_keys'], { [bob.userId]: {} });
  });

  test('have no list for whoever is not here', async () => {
    for (const userId of [`@nobody:${server.name}`, peer.userId('carol'), 'nonsense']) {
      const answer = await peer.ask(server, 'GET', `${path}/devices/${encodeURIComponent(userId)}`);
      assert.deepEqual([answer.status, answer.body['errcode']], [404, 'M_NOT_FOUND'], userId);
    }
  });

  test('O15: two hundred claims of other servers give two hundred keys, in the order of their upload, then the fallback key', async () => {
    const dora = await server.newUser('dora');
    const { key, keys } = makeDeviceKeys(dora);
    await upload(dora, { device_keys: keys, fallback_keys: makeFallbackKey('F', dora, key) });
    const ids = Array.from({ length: 203 }, (_, index) => `K${index}`);
    const inOrder = ids.toReversed();
    for (const id of inOrder.slice(0, 3)) await upload(dora, { one_time_keys: makeOneTimeKeys([id], dora, key) });
    await upload(dora, { one_time_keys: makeOneTimeKeys(inOrder.slice(3), dora, key) });
    const claim = async (): Promise<string | undefined> => {
      const body = { one_time_keys: { [dora.userId]: { [dora.deviceId]: algorithm }, [peer.userId('x')]: { Y: 'z' } } };
      const answer = await peer.ask(server, 'POST', `${path}/keys/claim`, body);
      assert.equal(answer.status, 200, answer.bodyText);
      const users = asObject(answer.body['one_time_keys'], 'one_time_keys');
      assert.deepEqual(Object.keys(users), [dora.userId]);
      return Object.keys(asObject(asObject(users[dora.userId], 'devices')[dora.deviceId], 'keys'))[0];
    };
    const first = [await claim(), await claim(), await claim()];
    assert.deepEqual(
      first,
      inOrder.slice(0, 3).map((id) => `${algorithm}:${id}`),
    );
    const rest = await Promise.all(Array.from({ length: 200 }, claim));
    assert.equal(new Set([...first, ...rest]).size, 203);
    assert.ok(![...first, ...rest].includes(`${algorithm}:F`));
    assert.deepEqual([await claim(), await claim()], [`${algorithm}:F`, `${algorithm}:F`]);
  });

  test('O16: whoever claims too many of a device gets its fallback key, and others still get one-time keys', async () => {
    await using limited = await startFederatedServer('limited.localhost', {
      CAUSEWAY_RATE_LIMITS_ENABLED: 'true',
      CAUSEWAY_RATE_LIMITS_CLAIMED_KEYS_BURST: '3',
      CAUSEWAY_RATE_LIMITS_CLAIMED_KEYS_PER_SECOND: '0.0001',
      CAUSEWAY_RATE_LIMITS_CLASSES_REGISTER_BURST: '100',
    });
    await using other = await startPeer('other.localhost');
    const [frank, grace] = [await limited.newUser('frank'), await limited.newUser('grace')];
    const { key, keys } = makeDeviceKeys(frank);
    const one_time_keys = makeOneTimeKeys(['1', '2', '3', '4', '5', '6'], frank, key);
    await upload(frank, { device_keys: keys, one_time_keys, fallback_keys: makeFallbackKey('F', frank, key) });
    const body = { one_time_keys: { [frank.userId]: { [frank.deviceId]: algorithm } } };
    const nameIn = (answer: { readonly body: JsonObject; readonly bodyText: string }): string | undefined => {
      const users = asObject(answer.body['one_time_keys'], answer.bodyText);
      return Object.keys(asObject(asObject(users[frank.userId], 'devices')[frank.deviceId], 'keys'))[0];
    };
    const names: unknown[] = [];
    for (let count = 0; count < 6; count += 1)
      names.push(nameIn(await peer.ask(limited, 'POST', `${path}/keys/claim`, body)));
    assert.ok(names.slice(0, 3).every((name) => name !== `${algorithm}:F`));
    assert.deepEqual(new Set(names.slice(3)), new Set([`${algorithm}:F`]));
    const rest = [
      nameIn(await other.ask(limited, 'POST', `${path}/keys/claim`, body)),
      nameIn(await grace.raw('POST', '/keys/claim', { body })),
    ];
    assert.ok(rest.every((name) => name !== `${algorithm}:F`));
    assert.equal(new Set([...names.slice(0, 3), ...rest]).size, 5);
  });

  test('are claimed for a bounded number of devices at once', async () => {
    const devices = Object.fromEntries(Array.from({ length: 5_001 }, (_, index) => [`D${index}`, algorithm]));
    const body = { one_time_keys: { [`@erin:${server.name}`]: devices } };
    const answer = await peer.ask(server, 'POST', `${path}/keys/claim`, body);
    assert.deepEqual([answer.status, answer.body['errcode']], [413, 'M_TOO_LARGE']);
  });
});

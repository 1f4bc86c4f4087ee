/** Owns the tests of cross-signing. Specification: "Cross-signing". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { assertError, logIn, request, testPassword, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, text } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import {
  isSignedBy,
  makeCrossSigning,
  makeDeviceKeys,
  makeKey,
  randomKey,
  signAs,
} from '#test/encryption/test-keys.ts';

const invalidSignature = 'M_INVALID_SIGNATURE';

describe('cross-signing', () => {
  const server = useSuiteServer();

  const uploadKeys = (user: MatrixHttp, body: object): Promise<Answer> =>
    user.raw('POST', '/keys/device_signing/upload', { body });
  const passwordFor = (user: MatrixHttp, challenge: Answer): object => ({
    type: 'm.login.password',
    session: text(challenge.body, 'session'),
    identifier: { type: 'm.id.user', user: user.userId },
    password: testPassword,
  });
  const sign = async (user: MatrixHttp, body: object): Promise<Record<string, unknown>> => {
    const answer = await user.raw('POST', '/keys/signatures/upload', { body });
    assert.equal(answer.status, 200, answer.bodyText);
    return asObject(answer.body['failures'], 'failures');
  };
  /** One user's part of every member of the answer. */
  const query = async (reader: MatrixHttp, userId: string) => {
    const answer = await reader.raw('POST', '/keys/query', { body: { device_keys: { [userId]: [] } } });
    const part = (member: string): JsonObject | undefined => {
      const found: Record<string, JsonObject> = JSON.parse(answer.bodyText)[member];
      return found[userId];
    };
    const [master, selfSigning, userSigning] = ['master_keys', 'self_signing_keys', 'user_signing_keys'].map(part);
    return { devices: part('device_keys') ?? {}, master, selfSigning, userSigning };
  };
  const publishDevice = async (user: MatrixHttp) => {
    const device = makeDeviceKeys(user);
    assert.equal((await user.raw('POST', '/keys/upload', { body: { device_keys: device.keys } })).status, 200);
    return device;
  };

  it('publishes the keys at once the first time, the user-signing key to its owner alone', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { upload } = makeCrossSigning(alice.userId);
    const answer = await uploadKeys(alice, upload);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    const seen = await query(bob, alice.userId);
    assert.deepEqual(seen.master, { ...upload.master_key, signatures: { [alice.userId]: {} } });
    assert.deepEqual([seen.selfSigning, seen.userSigning], [upload.self_signing_key, undefined]);
    assert.deepEqual((await query(alice, alice.userId)).userSigning, upload.user_signing_key);
  });

  it('takes the same keys again without a word, and others only with the password', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const first = makeCrossSigning(alice.userId).upload;
    await uploadKeys(alice, first);
    assert.equal((await uploadKeys(alice, first)).status, 200);
    const next = makeCrossSigning(alice.userId);
    for (const body of [next.upload, { master_key: next.upload.master_key }]) {
      const challenge = await uploadKeys(alice, body);
      assert.equal(challenge.status, 401, challenge.bodyText);
      assert.deepEqual(challenge.body['flows'], [{ stages: ['m.login.password'] }]);
    }
    assert.deepEqual((await query(bob, alice.userId)).selfSigning, first.self_signing_key);
    const challenge = await uploadKeys(alice, next.upload);
    const wrong = await uploadKeys(alice, {
      ...next.upload,
      auth: { ...passwordFor(alice, challenge), password: 'no' },
    });
    assert.equal(wrong.status, 401);
    const other = makeCrossSigning(alice.userId).upload;
    const exchanged = await uploadKeys(alice, { ...other, auth: passwordFor(alice, challenge) });
    assert.equal(exchanged.status, 401, 'what is confirmed cannot be exchanged');
    const confirmed = await uploadKeys(alice, { ...next.upload, auth: passwordFor(alice, challenge) });
    assert.equal(confirmed.status, 200, confirmed.bodyText);
    assert.deepEqual((await query(bob, alice.userId)).selfSigning, next.upload.self_signing_key);
  });

  it('takes a new self-signing key of the same master key with the password', async () => {
    const [alice] = await server.newUsers('alice');
    const { master, upload } = makeCrossSigning(alice.userId);
    await uploadKeys(alice, upload);
    const key = makeKey();
    const unsigned = { user_id: alice.userId, usage: ['self_signing'], keys: { [key.keyId]: key.publicKey } };
    assertError(await uploadKeys(alice, { self_signing_key: unsigned }), 400, invalidSignature);
    const self_signing_key = signAs(unsigned, alice.userId, master);
    const challenge = await uploadKeys(alice, { self_signing_key });
    assert.equal(challenge.status, 401);
    const auth = passwordFor(alice, challenge);
    assert.equal((await uploadKeys(alice, { self_signing_key, auth })).status, 200);
    const seen = await query(alice, alice.userId);
    assert.deepEqual([seen.selfSigning, seen.userSigning], [self_signing_key, upload.user_signing_key]);
  });

  it('refuses keys that are malformed, of others, or not signed by the master key', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { upload, master } = makeCrossSigning(alice.userId);
    const { master_key, self_signing_key } = upload;
    const publicKey = randomKey();
    for (const bad of [
      { ...master_key, user_id: bob.userId },
      { ...master_key, usage: ['self_signing'] },
      { ...master_key, usage: 'master' },
      { ...master_key, keys: {} },
      { ...master_key, keys: { ...Object(master_key['keys']), [`ed25519:${publicKey}`]: publicKey } },
      { ...master_key, keys: { [`ed25519:${publicKey}`]: randomKey() } },
      { ...master_key, keys: { 'ed25519:short': 'short' } },
      { ...master_key, keys: { [`curve25519:${publicKey}`]: publicKey } },
      { ...master_key, padding: 'x'.repeat(20_000) },
      { ...master_key, signatures: { [alice.userId]: 'all' } },
      null,
    ]) {
      assertError(await uploadKeys(alice, { master_key: bad }), 400, 'M_BAD_JSON');
    }
    assertError(await uploadKeys(alice, {}), 400, 'M_MISSING_PARAM');
    assertError(await uploadKeys(alice, { self_signing_key }), 400, 'M_MISSING_PARAM');
    const foreign = makeCrossSigning(alice.userId).upload.self_signing_key;
    assertError(await uploadKeys(alice, { master_key, self_signing_key: foreign }), 400, invalidSignature);
    const forged = { ...master_key, signatures: { [alice.userId]: { [master.keyId]: 'AAAA' } } };
    assertError(await uploadKeys(alice, { master_key: forged }), 400, invalidSignature);
    assert.equal((await query(bob, alice.userId)).master, undefined);
  });

  it('keeps the IDs of devices and of keys apart', async () => {
    const [alice] = await server.newUsers('alice');
    const { upload, master } = makeCrossSigning(alice.userId);
    const login = (device_id: string): Promise<Answer> =>
      request(server.baseUrl, 'POST', '/_matrix/client/v3/login', {
        body: {
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: alice.userId },
          password: testPassword,
          device_id,
        },
      });
    assert.equal((await login(master.publicKey)).status, 200, 'any ID will do before there are keys');
    assertError(await uploadKeys(alice, upload), 403, 'M_FORBIDDEN');
    const next = makeCrossSigning(alice.userId);
    assert.equal((await uploadKeys(alice, next.upload)).status, 200);
    for (const key of [next.master, next.selfSigning, next.userSigning]) {
      assertError(await login(key.publicKey), 403, 'M_FORBIDDEN');
    }
  });

  it('shows signatures on own devices and by them to everybody', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { upload, master, selfSigning } = makeCrossSigning(alice.userId);
    const device = await publishDevice(alice);
    await uploadKeys(alice, upload);
    const failures = await sign(alice, {
      [alice.userId]: {
        [alice.deviceId]: signAs(device.keys, alice.userId, selfSigning),
        [master.publicKey]: signAs(upload.master_key, alice.userId, device.key),
      },
    });
    assert.deepEqual(failures, {});
    for (const reader of [alice, bob]) {
      const seen = await query(reader, alice.userId);
      const signed = Object(seen.devices[alice.deviceId]);
      assert.ok(isSignedBy(signed, alice.userId, selfSigning), 'the device is signed by its user');
      assert.ok(isSignedBy(signed, alice.userId, device.key), 'and still by itself');
      assert.ok(isSignedBy(Object(seen.master), alice.userId, device.key), 'and has signed its user');
    }
    const other = await logIn(server.baseUrl, alice.userId);
    await alice.raw('POST', '/logout');
    const seen = await query(other, alice.userId);
    assert.deepEqual([seen.devices, Object(seen.master)['signatures']], [{}, { [alice.userId]: {} }]);
  });

  it('shows what one says of another to oneself alone, until the keys are replaced', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const [ofAlice, ofBob] = [makeCrossSigning(alice.userId), makeCrossSigning(bob.userId)];
    await uploadKeys(alice, ofAlice.upload);
    await uploadKeys(bob, ofBob.upload);
    const target = (await query(alice, bob.userId)).master;
    const signed = signAs(Object(target), alice.userId, ofAlice.userSigning);
    assert.deepEqual(await sign(alice, { [bob.userId]: { [ofBob.master.publicKey]: signed } }), {});
    assert.ok(isSignedBy(Object((await query(alice, bob.userId)).master), alice.userId, ofAlice.userSigning));
    for (const reader of [bob, carol]) {
      assert.deepEqual((await query(reader, bob.userId)).master, target, 'nobody else learns whom she trusts');
    }
    const next = makeCrossSigning(alice.userId);
    const auth = passwordFor(alice, await uploadKeys(alice, next.upload));
    assert.equal((await uploadKeys(alice, { ...next.upload, auth })).status, 200);
    assert.deepEqual((await query(alice, bob.userId)).master, target, 'what a former key has said is gone');
  });

  it('tells own devices whom one has signed, and nobody else', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [ofAlice, ofBob] = [makeCrossSigning(alice.userId), makeCrossSigning(bob.userId)];
    await uploadKeys(alice, ofAlice.upload);
    await uploadKeys(bob, ofBob.upload);
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await alice.setState(roomId, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
    await bob.join(roomId);
    const tablet = await logIn(server.baseUrl, alice.userId);
    const [before, bobBefore] = [await tablet.sync(), await bob.sync()];
    const waiting = tablet.sync({ since: before.nextBatch, timeout: 20_000 });
    const signed = signAs(ofBob.upload.master_key, alice.userId, ofAlice.userSigning);
    const body = { [bob.userId]: { [ofBob.master.publicKey]: signed } };
    assert.deepEqual(await sign(alice, body), {});
    const told = await waiting;
    assert.deepEqual(told.raw['device_lists'], { changed: [bob.userId], left: [] });
    assert.equal((await bob.sync({ since: bobBefore.nextBatch })).raw['device_lists'], undefined);
    const changes = await tablet.raw('GET', '/keys/changes', { query: { from: before.nextBatch, to: told.nextBatch } });
    assert.deepEqual(changes.body, { changed: [bob.userId], left: [] });
    await sign(alice, body);
    assert.equal((await tablet.sync({ since: told.nextBatch })).raw['device_lists'], undefined, 'nothing new was said');
  });

  it('stores no signature that is wrong, and says so for each key', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [ofAlice, ofBob] = [makeCrossSigning(alice.userId), makeCrossSigning(bob.userId)];
    await uploadKeys(alice, ofAlice.upload);
    await uploadKeys(bob, ofBob.upload);
    const [device, ofBobsDevice] = [await publishDevice(alice), await publishDevice(bob)];
    const { selfSigning, userSigning, master } = ofAlice;
    const errcodeOf = async (userId: string, keyId: string, object: object): Promise<unknown> => {
      const failures = await sign(alice, { [userId]: { [keyId]: object } });
      return asObject(asObject(failures[userId], userId)[keyId], keyId)['errcode'];
    };
    const wrongly = (object: JsonObject, keyId: string): JsonObject => ({
      ...object,
      signatures: { [alice.userId]: { [keyId]: 'A'.repeat(86) } },
    });
    const own = [alice.userId, alice.deviceId] as const;
    const bobs = [bob.userId, ofBob.master.publicKey] as const;
    for (const [[userId, keyId], object, expected] of [
      [own, wrongly(device.keys, selfSigning.keyId), invalidSignature],
      [own, signAs(device.keys, alice.userId, userSigning), invalidSignature],
      [own, signAs(device.keys, alice.userId, makeKey('UNKNOWN')), invalidSignature],
      [own, signAs({ ...device.keys, algorithms: [] }, alice.userId, selfSigning), 'M_INVALID_PARAM'],
      [own, { ...device.keys, signatures: {} }, invalidSignature],
      [own, { ...device.keys, signatures: { [alice.userId]: [] } }, invalidSignature],
      [[alice.userId, 'UNKNOWN'], signAs(device.keys, alice.userId, selfSigning), 'M_NOT_FOUND'],
      [[alice.userId, '\0'], device.keys, 'M_NOT_FOUND'],
      [[alice.userId, master.publicKey], wrongly(ofAlice.upload.master_key, device.key.keyId), invalidSignature],
      [bobs, signAs(ofBob.upload.master_key, alice.userId, selfSigning), invalidSignature],
      [bobs, wrongly(ofBob.upload.master_key, userSigning.keyId), invalidSignature],
      [bobs, signAs(ofBob.upload.master_key, bob.userId, ofBob.userSigning), invalidSignature],
      [[bob.userId, bob.deviceId], signAs(ofBobsDevice.keys, alice.userId, userSigning), 'M_NOT_FOUND'],
      [[bob.userId, ofBob.selfSigning.publicKey], ofBob.upload.self_signing_key, 'M_NOT_FOUND'],
      [['@nobody:elsewhere.test', 'X'], {}, 'M_NOT_FOUND'],
      [['nobody', 'X'], {}, 'M_NOT_FOUND'],
    ] as const) {
      if (expected !== undefined)
        assert.equal(await errcodeOf(userId, keyId, object), expected, JSON.stringify(object));
    }
    const seen = await query(alice, alice.userId);
    assert.deepEqual(Object(seen.devices[alice.deviceId])['signatures'], device.keys['signatures']);
    assert.deepEqual(Object((await query(alice, bob.userId)).master)['signatures'], { [bob.userId]: {} });
    const many = Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`D${index}`, {}]));
    assertError(await alice.raw('POST', '/keys/signatures/upload', { body: { [alice.userId]: many } }), 413);
  });
});

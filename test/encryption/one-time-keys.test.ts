/** Owns the tests of keys that are used up. Specification: "One-time and fallback keys". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { makeDeviceKeys, makeFallbackKey, makeOneTimeKeys, type NamedKey } from '#test/encryption/test-keys.ts';

const algorithm = 'signed_curve25519';

describe('one-time keys', () => {
  const server = useSuiteServer();

  const upload = (user: MatrixHttp, body: JsonObject): Promise<Answer> => user.raw('POST', '/keys/upload', { body });
  const countOf = async (user: MatrixHttp): Promise<unknown> =>
    asObject((await upload(user, {})).body['one_time_key_counts'], 'counts')[algorithm];
  /** The keys that a claim gives, by their names; none are `{}`. */
  const claim = async (claimer: MatrixHttp, of: MatrixHttp, wanted = algorithm): Promise<JsonObject> => {
    const body = { one_time_keys: { [of.userId]: { [of.deviceId]: wanted } } };
    const answer = await claimer.raw('POST', '/keys/claim', { body });
    assert.equal(answer.status, 200, answer.bodyText);
    const users = asObject(answer.body['one_time_keys'], 'one_time_keys');
    if (Object.keys(users).length === 0) return {};
    return asObject(asObject(users[of.userId], 'devices')[of.deviceId], 'keys');
  };
  const publish = async (user: MatrixHttp): Promise<NamedKey> => {
    const { key, keys } = makeDeviceKeys(user);
    assert.equal((await upload(user, { device_keys: keys })).status, 200);
    return key;
  };

  it('are given out once, in the order of their upload, and then no more', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const key = await publish(alice);
    const uploads = ['9', '1', '5'].map((id) => makeOneTimeKeys([id], alice, key));
    for (const one_time_keys of uploads) await upload(alice, { one_time_keys });
    assert.equal(await countOf(alice), 3);
    for (const expected of uploads) assert.deepEqual(await claim(bob, alice), expected);
    assert.deepEqual(await claim(bob, alice), {});
    assert.equal(await countOf(alice), undefined);
    assert.deepEqual(await claim(bob, alice, 'unknown_algorithm'), {});
  });

  it('can be uploaded again, but not with another value, and a claimed one does not come back', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const key = await publish(alice);
    const one_time_keys = makeOneTimeKeys(['A', 'B', 'C'], alice, key);
    for (let repeat = 0; repeat < 3; repeat += 1) assert.equal((await upload(alice, { one_time_keys })).status, 200);
    assert.equal(await countOf(alice), 3);
    const overlapping = { ...one_time_keys, ...makeOneTimeKeys(['D'], alice, key) };
    await upload(alice, { one_time_keys: overlapping });
    assert.equal(await countOf(alice), 4);

    const changed = { ...makeOneTimeKeys(['E'], alice, key), ...makeOneTimeKeys(['A'], alice, key) };
    assertError(await upload(alice, { one_time_keys: changed }), 400, 'M_INVALID_PARAM');
    assert.equal(await countOf(alice), 4, 'nothing of a refused upload is stored');

    const first = await claim(bob, alice);
    await upload(alice, { one_time_keys: overlapping });
    assert.equal(await countOf(alice), 3);
    const rest = [await claim(bob, alice), await claim(bob, alice), await claim(bob, alice)];
    const names = [first, ...rest].flatMap((keys) => Object.keys(keys));
    assert.equal(new Set(names).size, 4, 'each is given out once, whatever was repeated');
  });

  it('are followed by the fallback key, which stays until it is replaced', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const key = await publish(alice);
    const one_time_keys = makeOneTimeKeys(['1'], alice, key);
    const fallback_keys = makeFallbackKey('F1', alice, key);
    await upload(alice, { one_time_keys, fallback_keys });
    assert.deepEqual(await claim(bob, alice), one_time_keys);
    for (let repeat = 0; repeat < 3; repeat += 1) assert.deepEqual(await claim(bob, alice), fallback_keys);
    const next = makeFallbackKey('F2', alice, key);
    await upload(alice, { fallback_keys: next });
    assert.deepEqual(await claim(bob, alice), next);
    const two = { ...next, ...makeFallbackKey('F3', alice, key) };
    assertError(await upload(alice, { fallback_keys: two }), 400, 'M_INVALID_PARAM');
  });

  it('twenty of them, claimed by fifty at once, go to twenty claimers, and the others get the fallback key', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const key = await publish(alice);
    const ids = Array.from({ length: 20 }, (_, index) => `K${index}`);
    const fallback_keys = makeFallbackKey('F', alice, key);
    await upload(alice, { one_time_keys: makeOneTimeKeys(ids, alice, key), fallback_keys });
    const claims = await Promise.all(Array.from({ length: 50 }, () => claim(bob, alice)));
    const names = claims.flatMap((keys) => Object.keys(keys));
    assert.equal(names.length, 50);
    const oneTime = names.filter((name) => name !== `${algorithm}:F`);
    assert.equal(oneTime.length, 20);
    assert.equal(new Set(oneTime).size, 20);
    assert.equal(await countOf(alice), undefined);
  });

  it('are claimed of many devices in one request', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    for (const user of [alice, bob]) {
      await upload(user, { one_time_keys: makeOneTimeKeys(['1'], user, await publish(user)) });
    }
    const body = {
      one_time_keys: {
        [alice.userId]: { [alice.deviceId]: algorithm, UNKNOWN: algorithm },
        [bob.userId]: { [bob.deviceId]: algorithm },
        [carol.userId]: { [carol.deviceId]: algorithm, '\0': algorithm },
        'not a user': { X: algorithm },
        '@x:elsewhere.test': { X: algorithm },
      },
    };
    const { body: answer } = await carol.raw('POST', '/keys/claim', { body });
    const users = asObject(answer['one_time_keys'], 'one_time_keys');
    assert.deepEqual(Object.keys(users).toSorted(), [alice.userId, bob.userId].toSorted());
    assert.deepEqual(Object.keys(asObject(users[alice.userId], 'devices')), [alice.deviceId]);
    assert.ok(Object.hasOwn(asObject(answer['failures'], 'failures'), 'elsewhere.test'));
  });

  it('are bounded: in one upload, in size, and in number of algorithms; the oldest beyond the limit go', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await publish(alice);
    const plain = (count: number, prefix: string): JsonObject =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'key']));
    for (const [one_time_keys, status] of [
      [plain(10_000, `${algorithm}:`), 413],
      [{ 'no-colon': 'key' }, 400],
      [{ ':id': 'key' }, 400],
      [{ [`${algorithm}:`]: 'key' }, 400],
      [{ [`${algorithm}:\0`]: 'key' }, 400],
      [{ [`${algorithm}:${'x'.repeat(300)}`]: 'key' }, 400],
      [{ [`${algorithm}:1`]: 'x'.repeat(5_000) }, 400],
      [{ [`${algorithm}:1`]: 5 }, 400],
      [{ [`${algorithm}:1`]: null }, 400],
      [{ [`${algorithm}:1`]: { key: 1, signatures: {} } }, 400],
      [{ [`${algorithm}:1`]: { key: 'key' } }, 400],
      [Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [`${name}:1`, 'key'])), 413],
    ] as const) {
      const answer = await upload(alice, { one_time_keys });
      assertError(answer, status);
      assertError(await upload(alice, { fallback_keys: one_time_keys }), status);
    }
    assert.equal(await countOf(alice), undefined);
    for (const prefix of ['a', 'b', 'c']) await upload(alice, { one_time_keys: plain(300, `${algorithm}:${prefix}`) });
    assert.equal(await countOf(alice), 500);
    assert.match(Object.keys(await claim(bob, alice))[0] ?? '', /:b/);
  });
});

/** Owns the tests of lists of devices in /sync and /keys/changes. Specification: "Tracking the device list for a user". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, logIn, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { makeDeviceKeys, makeFallbackKey, makeOneTimeKeys } from '#test/encryption/test-keys.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

type Lists = { readonly changed: readonly unknown[]; readonly left: readonly unknown[] };

function listsIn(raw: unknown): Lists {
  const lists = asObject(raw ?? { changed: [], left: [] }, 'device_lists');
  return { changed: asArray(lists['changed'], 'changed'), left: asArray(lists['left'], 'left') };
}

function deviceLists(answer: SyncAnswer): Lists {
  return listsIn(answer.raw['device_lists']);
}

async function encryptedRoom(owner: MatrixHttp): Promise<string> {
  const roomId = await owner.createRoom({ preset: 'public_chat' });
  await owner.setState(roomId, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
  return roomId;
}

/** Logging out is a change of one's devices. */
async function changeDevices(user: MatrixHttp, baseUrl: string): Promise<void> {
  const device = await logIn(baseUrl, user.userId);
  assert.equal((await device.raw('POST', '/logout')).status, 200);
}

describe('lists of devices', () => {
  const server = useSuiteServer();

  it('are told to those who share a room, and to the user, and to nobody else', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    await bob.join(await encryptedRoom(alice));
    const [since, own, strange] = [await bob.sync(), await alice.sync(), await carol.sync()];
    assert.equal(since.raw['device_lists'], undefined, 'an initial sync has none');
    const waiting = bob.sync({ since: since.nextBatch, timeout: 20_000 });
    await changeDevices(alice, server.baseUrl);
    assert.deepEqual(deviceLists(await waiting), { changed: [alice.userId], left: [] });
    assert.deepEqual(deviceLists(await alice.sync({ since: own.nextBatch })).changed, [alice.userId]);
    assert.deepEqual(deviceLists(await carol.sync({ since: strange.nextBatch })), { changed: [], left: [] });
  });

  it('tell of those who come and go, whatever the filter leaves of their events', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await encryptedRoom(alice);
    const filter = { room: { rooms: [] } };
    const before = await alice.sync({ filter });
    const bobBefore = await bob.sync();
    await bob.join(roomId);
    const joined = await alice.sync({ since: before.nextBatch, filter });
    assert.deepEqual(deviceLists(joined), { changed: [bob.userId], left: [] });
    assert.equal(joined.join.size, 0);
    const bobJoined = await bob.sync({ since: bobBefore.nextBatch });
    assert.deepEqual(new Set(deviceLists(bobJoined).changed), new Set([alice.userId, bob.userId]));
    await bob.leave(roomId);
    const left = await alice.sync({ since: joined.nextBatch, filter });
    assert.deepEqual(deviceLists(left), { changed: [], left: [bob.userId] });
    assert.deepEqual(deviceLists(await bob.sync({ since: bobJoined.nextBatch })).left, [alice.userId]);
  });

  it('keep who is still met elsewhere, and know nobody from rooms without encryption until it begins', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [one, other] = [await encryptedRoom(alice), await encryptedRoom(alice)];
    for (const roomId of [one, other]) await bob.join(roomId);
    const plain = await alice.createRoom({ preset: 'public_chat' });
    const { nextBatch } = await alice.sync();
    await bob.leave(one);
    assert.deepEqual(deviceLists(await alice.sync({ since: nextBatch })).left, []);
    await bob.leave(other);
    await bob.join(plain);
    const gone = await alice.sync({ since: nextBatch });
    assert.deepEqual(deviceLists(gone), { changed: [], left: [bob.userId] });
    await alice.setState(plain, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
    assert.deepEqual(deviceLists(await alice.sync({ since: gone.nextBatch })), { changed: [bob.userId], left: [] });
  });

  it('are told between any two tokens by /keys/changes', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await encryptedRoom(alice);
    const from = (await alice.sync()).nextBatch;
    await bob.join(roomId);
    const middle = (await alice.sync()).nextBatch;
    await changeDevices(alice, server.baseUrl);
    const to = (await alice.sync()).nextBatch;
    const changes = async (query: Record<string, string>): Promise<Lists> =>
      listsIn((await alice.raw('GET', '/keys/changes', { query })).body);
    assert.deepEqual(await changes({ from, to: middle }), { changed: [bob.userId], left: [] });
    assert.deepEqual(await changes({ from: middle, to }), { changed: [alice.userId], left: [] });
    assert.deepEqual(await changes({ from: to, to }), { changed: [], left: [] });
    assertError(await alice.raw('GET', '/keys/changes', { query: { from } }), 400);
    assertError(await alice.raw('GET', '/keys/changes', { query: { from, to: 'nonsense' } }), 400, 'M_INVALID_PARAM');
  });
});

describe('counts of keys', () => {
  const server = useSuiteServer();

  it('are in every answer, and wake the device when somebody claims a key', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { key, keys } = makeDeviceKeys(alice);
    const body = {
      device_keys: keys,
      one_time_keys: makeOneTimeKeys(['AAAA', 'BBBB'], alice, key),
      fallback_keys: makeFallbackKey('CCCC', alice, key),
    };
    const empty = await alice.sync();
    assert.deepEqual(countsIn(empty), [{}, []]);
    assert.equal((await alice.raw('POST', '/keys/upload', { body })).status, 200);
    const uploaded = await alice.sync({ since: empty.nextBatch, timeout: 20_000 });
    assert.deepEqual(countsIn(uploaded), [{ signed_curve25519: 2 }, ['signed_curve25519']]);
    assert.deepEqual(countsIn(await alice.sync({ since: uploaded.nextBatch })), countsIn(uploaded));
    const claim = { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } };
    let { nextBatch: since } = uploaded;
    for (const expected of [
      [{ signed_curve25519: 1 }, ['signed_curve25519']],
      [{}, ['signed_curve25519']],
      [{}, []],
    ]) {
      const waiting = alice.sync({ since, timeout: 20_000 });
      assert.equal((await bob.raw('POST', '/keys/claim', { body: claim })).status, 200);
      const answer = await waiting;
      assert.deepEqual(countsIn(answer), expected);
      since = answer.nextBatch;
    }
  });
});

function countsIn({ raw }: SyncAnswer): unknown[] {
  return [raw['device_one_time_keys_count'], raw['device_unused_fallback_key_types']];
}

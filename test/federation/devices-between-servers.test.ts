/** Proves that users of two servers see each other's devices as they are, and get each other's messages to devices. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeDeviceKeys, makeOneTimeKeys } from '#test/encryption/test-keys.ts';
import { startFederation, type FederatedServer, type FederatedServers } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type JsonObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';

const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } };
const SYNCS_MAX = 60;

type Lists = { readonly changed: readonly unknown[]; readonly left: readonly unknown[] };

function listsIn({ raw }: SyncAnswer): Lists {
  const lists = asObject(raw['device_lists'] ?? { changed: [], left: [] }, 'device_lists');
  return { changed: asArray(lists['changed'], 'changed'), left: asArray(lists['left'], 'left') };
}

/** Syncs on until an answer is as wanted; gives it. */
async function syncUntil(
  user: MatrixHttp,
  since: string,
  isWanted: (answer: SyncAnswer) => boolean,
): Promise<SyncAnswer> {
  let next = since;
  for (let count = 0; count < SYNCS_MAX; count += 1) {
    const answer = await user.sync({ since: next, timeout: 2_000 });
    if (isWanted(answer)) return answer;
    next = answer.nextBatch;
  }
  throw new Error(`${user.userId} was not told what was waited for in ${SYNCS_MAX} syncs.`);
}

async function joinBy(user: MatrixHttp, roomId: string, { name }: FederatedServer): Promise<void> {
  const answer = await user.raw('POST', `/join/${encodeURIComponent(roomId)}`, { query: { via: name }, body: {} });
  assert.equal(answer.status, 200, answer.bodyText);
}

describe('devices of users of two servers', () => {
  let federation: FederatedServers;
  let one: FederatedServer;
  let two: FederatedServer;
  before(async () => {
    federation = await startFederation(2);
    const [first, second] = federation.servers;
    assert.ok(first && second);
    [one, two] = [first, second];
  });
  after(() => federation[Symbol.asyncDispose]());

  const publish = async (user: MatrixHttp): Promise<JsonObject> => {
    const { key, keys } = makeDeviceKeys(user);
    const one_time_keys = makeOneTimeKeys([`K${user.deviceId}`], user, key);
    const answer = await user.raw('POST', '/keys/upload', { body: { device_keys: keys, one_time_keys } });
    assert.equal(answer.status, 200, answer.bodyText);
    return { ...keys, unsigned: {} };
  };
  const devicesOf = async (reader: MatrixHttp, userId: string): Promise<unknown> => {
    const answer = await reader.raw('POST', '/keys/query', { body: { device_keys: { [userId]: [] } } });
    assert.deepEqual(answer.body['failures'], {}, answer.bodyText);
    return asObject(answer.body['device_keys'], 'device_keys')[userId];
  };
  /** A room of the first one's that the second has joined by way of its server. */
  const meet = async (owner: MatrixHttp, server: FederatedServer, guest: MatrixHttp): Promise<string> => {
    const roomId = await owner.createRoom({ preset: 'public_chat', initial_state: [encryption] });
    await joinBy(guest, roomId, server);
    return roomId;
  };
  const hasChanged = (userId: string) => (answer: SyncAnswer) => listsIn(answer).changed.includes(userId);
  const hasLeft = (userId: string) => (answer: SyncAnswer) => listsIn(answer).left.includes(userId);

  test('are told on both sides when they meet, and are known with their names from then on', async () => {
    const [alice, bob] = [await one.newUser('alice'), await two.newUser('bob')];
    const keys = await publish(alice);
    const [aliceBefore, bobBefore] = [await alice.sync(), await bob.sync()];
    await meet(alice, one, bob);
    await syncUntil(alice, aliceBefore.nextBatch, hasChanged(bob.userId));
    const { nextBatch } = await syncUntil(bob, bobBefore.nextBatch, hasChanged(alice.userId));
    assert.deepEqual(await devicesOf(bob, alice.userId), { [alice.deviceId]: keys });
    const claim = { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } };
    const claimed = asObject((await bob.raw('POST', '/keys/claim', { body: claim })).body['one_time_keys'], 'keys');
    assert.equal(Object.keys(claimed).length, 1);
    assert.deepEqual((await bob.raw('POST', '/keys/claim', { body: claim })).body, { one_time_keys: {}, failures: {} });
    await alice.raw('PUT', `/devices/${alice.deviceId}`, { body: { display_name: 'Hers' } });
    await syncUntil(bob, nextBatch, hasChanged(alice.userId));
    const named = { ...keys, unsigned: { device_display_name: 'Hers' } };
    assert.deepEqual(await devicesOf(bob, alice.userId), { [alice.deviceId]: named });
  });

  test('O14: who has left is neither told of nor remembered, whichever side leaves, until they come again', async () => {
    for (const leaver of ['other', 'own'] as const) {
      const [carol, dave] = [await one.newUser(`carol-${leaver}`), await two.newUser(`dave-${leaver}`)];
      const first = await publish(dave);
      const roomId = await meet(carol, one, dave);
      assert.deepEqual(await devicesOf(carol, dave.userId), { [dave.deviceId]: first });
      const { nextBatch } = await carol.sync();
      await (leaver === 'other' ? dave : carol).leave(roomId);
      const gone = await syncUntil(carol, nextBatch, hasLeft(dave.userId));
      const second = await publish(dave);
      assert.deepEqual(await devicesOf(carol, dave.userId), { [dave.deviceId]: second });
      if (leaver === 'own') continue;
      const quiet = await carol.sync({ since: gone.nextBatch });
      assert.deepEqual(listsIn(quiet), { changed: [], left: [] });
      const third = await publish(dave);
      await joinBy(dave, roomId, one);
      await syncUntil(carol, quiet.nextBatch, hasChanged(dave.userId));
      assert.deepEqual(await devicesOf(carol, dave.userId), { [dave.deviceId]: third });
    }
  });

  test('O9: messages to devices and changes of devices reach a server that was away, though the sender was restarted', async () => {
    const [erin, frank] = [await one.newUser('erin'), await two.newUser('frank')];
    await meet(erin, one, frank);
    await publish(erin);
    const { nextBatch } = await syncUntil(frank, (await frank.sync()).nextBatch, hasChanged(erin.userId));
    await two.stop();
    for (const n of [1, 2, 3]) {
      const body = { messages: { [frank.userId]: { [frank.deviceId]: { n } } } };
      assert.equal((await erin.raw('PUT', `/sendToDevice/org.example.note/${n}`, { body })).status, 200);
    }
    const keys = await publish(erin);
    await one.stop();
    await one.start();
    await two.start();
    const noted: unknown[] = [];
    const isChanged = hasChanged(erin.userId);
    let hasBeenTold = false;
    await syncUntil(frank, nextBatch, (answer) => {
      const toDevice = asObject(answer.raw['to_device'] ?? { events: [] }, 'to_device');
      const events = asArray(toDevice['events'], 'events');
      noted.push(...events.map((event) => asObject(asObject(event, 'event')['content'], 'content')['n']));
      hasBeenTold ||= isChanged(answer);
      return noted.length >= 3 && hasBeenTold;
    });
    assert.deepEqual(noted, [1, 2, 3]);
    assert.deepEqual(await devicesOf(frank, erin.userId), { [erin.deviceId]: keys });
  });
});

/** Proves what is taken of other servers' words on devices and keys, and of their messages to devices here. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeCrossSigning, makeDeviceKeys, signAs } from '#test/encryption/test-keys.ts';
import { PeerRoom, sendTransaction } from '#test/federation/peer-room.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { asArray, asObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';
import { until } from '#test/embedded/start.ts';
import { seededNumbers } from '#test/support/seeded.ts';

const queryPath = '/_matrix/federation/v1/user/keys/query';

type Known = Record<string, unknown>;

function messagesIn({ raw }: SyncAnswer): Known[] {
  const { events } = asObject(raw['to_device'] ?? { events: [] }, 'to_device');
  return asArray(events, 'events').map((event) => asObject(event, 'event'));
}

function changedIn({ raw }: SyncAnswer): readonly unknown[] {
  return asArray(asObject(raw['device_lists'] ?? { changed: [] }, 'device_lists')['changed'], 'changed');
}

describe('what other servers tell of devices', () => {
  let server: FederatedServer;
  let peer: Peer;
  let alice: MatrixHttp;
  before(async () => {
    [server, peer] = await Promise.all([startFederatedServer('taking.localhost'), startPeer()]);
    alice = await server.newUser('alice');
    await PeerRoom.create(peer, server, alice, { joined: ['bob', 'carol', 'dave', 'erin', 'frank'] });
  });
  after(async () => {
    await Promise.all([server[Symbol.asyncDispose](), peer[Symbol.asyncDispose]()]);
  });

  let count = 0;
  const send = async (
    from: Peer,
    ...edus: readonly (readonly [type: string, content: JsonObject])[]
  ): Promise<void> => {
    const shaped = edus.map(([edu_type, content]) => ({ edu_type, content }));
    const answer = await sendTransaction(from, server, { txnId: `devices-${(count += 1)}`, pdus: [], edus: shaped });
    assert.equal(answer.status, 200, answer.bodyText);
  };
  const query = async (userId: string): Promise<Known> => {
    const answer = await alice.raw('POST', '/keys/query', { body: { device_keys: { [userId]: [] } } });
    assert.equal(answer.status, 200, answer.bodyText);
    assert.deepEqual(answer.body['failures'], {});
    return answer.body;
  };
  const devicesOf = async (userId: string): Promise<Known> =>
    asObject(asObject((await query(userId))['device_keys'], 'users')[userId] ?? {}, 'devices');

  /** The list of a user of the peer's, as the peer has it, with its version. */
  const listOf = (localpart: string) => {
    const userId = peer.userId(localpart);
    const devices = new Map<string, JsonObject>();
    let streamId = 0;
    let fails = false;
    const asked = { lists: 0, queries: 0 };
    peer.answer('GET', `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`, () => {
      asked.lists += 1;
      if (fails) return new PeerReply(500, 'away');
      const listed = Array.from(devices, ([device_id, keys]) => ({ device_id, keys }));
      return { user_id: userId, stream_id: streamId, devices: listed };
    });
    const serveQuery = (): void =>
      peer.answer('POST', queryPath, ({ bodyText }) => {
        if (!bodyText.includes(userId)) return new PeerReply(500, 'somebody else is asked for');
        asked.queries += 1;
        return { device_keys: { [userId]: Object.fromEntries(devices) } };
      });
    /** Changes a device and gives the update that tells of it. */
    const change = (deviceId: string, more: JsonObject = {}): readonly [string, JsonObject] => {
      const { keys } = makeDeviceKeys({ userId, deviceId });
      devices.set(deviceId, keys);
      const prev_id = streamId === 0 ? [] : [streamId];
      streamId += 1 + Math.floor(streamId / 3);
      const update = { user_id: userId, device_id: deviceId, stream_id: streamId, prev_id, keys, ...more };
      return ['m.device_list_update', update];
    };
    const remove = (deviceId: string): readonly [string, JsonObject] => {
      devices.delete(deviceId);
      const prev_id = [streamId];
      streamId += 1;
      const update = { user_id: userId, device_id: deviceId, stream_id: streamId, prev_id, deleted: true };
      return ['m.device_list_update', update];
    };
    const expected = (): Known =>
      Object.fromEntries(Array.from(devices, ([deviceId, keys]) => [deviceId, { ...keys, unsigned: {} }]));
    const failLists = (is: boolean): void => void (fails = is);
    return { userId, asked, serveQuery, change, remove, expected, failLists };
  };

  test('O8: a message to devices arrives once, however often and in whatever transaction it comes', async () => {
    const { nextBatch } = await alice.sync();
    const message = (message_id: string, messages: JsonObject, sender = peer.userId('bob')): [string, JsonObject] => [
      'm.direct_to_device',
      { sender, type: 'org.example.note', message_id, messages },
    ];
    const toAlice = { [alice.userId]: { [alice.deviceId]: { n: 1 } } };
    await send(peer, message('one', toAlice), message('one', toAlice));
    await send(peer, message('one', toAlice));
    await Promise.all([
      send(peer, message('two', { [alice.userId]: { '*': { n: 2 } } })),
      send(peer, message('two', toAlice)),
    ]);
    await using other = await startPeer('other.localhost');
    await send(other, message('one', { [alice.userId]: { '*': { n: 3 } } }, other.userId('bob')));
    // What is said in another's name, for nobody here, or in another form, is nothing.
    await send(other, message('four', toAlice));
    await send(peer, message('five', { [alice.userId]: { OTHER: {} }, '@nobody:elsewhere.test': { '*': {} } }));
    await send(
      peer,
      message('six', { [alice.userId]: 'all' }),
      ['m.direct_to_device', { sender: peer.userId('bob'), type: 7, message_id: '', messages: toAlice }],
      ['m.direct_to_device', {}],
    );
    const events = messagesIn(await alice.sync({ since: nextBatch }));
    const [first, second, third] = events.map(({ content }) => asObject(content, 'content')['n']);
    assert.deepEqual([first, third], [1, 3]);
    assert.ok(second === 1 || second === 2, 'of two at once either came first');
    assert.deepEqual(
      events.map(({ sender, type }) => [sender, type]),
      [peer, peer, other].map((from) => [from.userId('bob'), 'org.example.note']),
    );
  });

  test('an update changes what is known of the list that it follows, and who shares a room is told', async () => {
    const bob = listOf('bob');
    bob.serveQuery();
    const stranger = listOf('stranger');
    const first = bob.change('PHONE');
    let { nextBatch: since } = await alice.sync();
    await send(peer, first, stranger.change('X'));
    const told = await alice.sync({ since, timeout: 10_000 });
    assert.deepEqual(changedIn(told), [bob.userId], 'but not of those with whom no room is shared');
    assert.deepEqual(await devicesOf(bob.userId), bob.expected());
    // What was asked for by a query has no version: the next update has the list asked for with one.
    await send(peer, bob.change('TABLET'));
    await until(() => bob.asked.lists === 1, 'the list is asked for');
    await until(async () => (await staleUsers()).length === 0, 'it is stored');
    const queries = bob.asked.queries;
    since = (await alice.sync()).nextBatch;
    await send(peer, bob.change('PHONE'), bob.change('WATCH', { device_display_name: 'Watch' }), bob.remove('TABLET'));
    const expected = bob.expected();
    const named = { ...asObject(expected['WATCH'], 'keys'), unsigned: { device_display_name: 'Watch' } };
    assert.deepEqual(await devicesOf(bob.userId), { ...expected, WATCH: named });
    assert.deepEqual(changedIn(await alice.sync({ since })), [bob.userId]);
    assert.deepEqual([bob.asked.lists, bob.asked.queries], [1, queries], 'nothing had to be asked for');
  });

  const staleUsers = (): Promise<Record<string, unknown>[]> =>
    askDatabase(server, 'select user_nid from remote_device_lists where is_stale');

  test('a list of which an update was missed is not used, stays so over a restart, and is asked for until it comes', async () => {
    const carol = listOf('carol');
    carol.serveQuery();
    carol.change('PHONE');
    assert.deepEqual(await devicesOf(carol.userId), carol.expected());
    carol.failLists(true);
    await send(peer, carol.change('TABLET'));
    await until(() => carol.asked.lists > 0, 'the list is asked for');
    assert.equal((await staleUsers()).length, 1);
    await server.stop();
    await server.start();
    assert.equal((await staleUsers()).length, 1);
    carol.failLists(false);
    carol.serveQuery();
    await until(async () => (await staleUsers()).length === 0, 'the list has come');
    const { queries } = carol.asked;
    assert.deepEqual(await devicesOf(carol.userId), carol.expected());
    assert.equal(carol.asked.queries, queries);
  });

  for (const seed of [1, 2, 3]) {
    test(`O13: with every tenth update lost the lists are equal in the end (seed ${seed})`, async () => {
      const chance = seededNumbers(seed);
      const dave = listOf(['dave', 'erin', 'frank'][seed - 1] ?? 'dave');
      dave.serveQuery();
      dave.change('D0');
      assert.deepEqual(await devicesOf(dave.userId), dave.expected());
      for (let step = 0; step < 60; step += 1) {
        const deviceId = `D${Math.floor(chance() * 5)}`;
        const update =
          Object.hasOwn(dave.expected(), deviceId) && chance() < 0.3 ? dave.remove(deviceId) : dave.change(deviceId);
        // The last one comes: what follows the loss is what shows it.
        if (step === 59 || chance() >= 0.1) await send(peer, update);
      }
      await until(async () => (await staleUsers()).length === 0, 'nothing is to be asked for any more');
      const { queries } = dave.asked;
      assert.deepEqual(await devicesOf(dave.userId), dave.expected());
      assert.equal(dave.asked.queries, queries, 'it is what is known');
    });
  }

  test('updates in another’s name, or of no shape, change nothing', async () => {
    const bob = listOf('bob');
    bob.serveQuery();
    bob.change('PHONE');
    await using other = await startPeer('other.localhost');
    const before = await devicesOf(bob.userId);
    const { nextBatch: since } = await alice.sync();
    const [type, update] = bob.change('FORGED');
    await send(other, [type, update]);
    await send(
      peer,
      [type, { ...update, stream_id: '1' }],
      [type, { ...update, stream_id: 1.5 }],
      [type, { ...update, user_id: 7 }],
      [type, { ...update, device_id: '' }],
      [type, { ...update, device_id: 'a\0' }],
      [type, {}],
      ['m.signing_key_update', { user_id: alice.userId }],
    );
    assert.deepEqual(changedIn(await alice.sync({ since })), []);
    assert.deepEqual(await devicesOf(bob.userId), before);
  });

  test('signing keys are taken together and rightly signed, and asked for otherwise', async () => {
    const bob = listOf('bob');
    const signing = makeCrossSigning(bob.userId);
    const { master_key, self_signing_key } = signing.upload;
    bob.serveQuery();
    bob.change('PHONE');
    await devicesOf(bob.userId);
    const { nextBatch: since } = await alice.sync();
    await send(peer, ['m.signing_key_update', { user_id: bob.userId, master_key, self_signing_key }]);
    const told = await alice.sync({ since, timeout: 10_000 });
    assert.deepEqual(changedIn(told), [bob.userId]);
    await until(async () => (await staleUsers()).length === 0, 'nothing is to be asked for');
    const known = await query(bob.userId);
    assert.deepEqual(known['master_keys'], { [bob.userId]: { ...master_key, signatures: { [bob.userId]: {} } } });
    assert.deepEqual(known['self_signing_keys'], { [bob.userId]: self_signing_key });
    const lists = bob.asked.lists;
    const forged = signAs({ ...self_signing_key, signatures: {} }, bob.userId, makeCrossSigning(bob.userId).master);
    await send(peer, ['m.signing_key_update', { user_id: bob.userId, master_key, self_signing_key: forged }]);
    await until(() => bob.asked.lists > lists, 'the list is asked for');
    await until(async () => (await staleUsers()).length === 0, 'it is stored');
    assert.deepEqual((await query(bob.userId))['self_signing_keys'], {}, 'as the server has it now: without such keys');
  });

  test('those who come and go are told, whatever server they are of', async () => {
    const encrypted = await PeerRoom.create(peer, server, alice, {
      joined: [],
      room: {
        initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
      },
    });
    const grace = peer.userId('grace');
    const member = (membership: string): Promise<unknown> => {
      const event = encrypted.add({
        type: 'm.room.member',
        sender: grace,
        stateKey: grace,
        content: { membership },
      });
      return membership === 'join' ? encrypted.persistHere(event) : encrypted.send([event]);
    };
    const lists = async (since: string): Promise<[Known, string]> => {
      for (;;) {
        const answer = await alice.sync({ since, timeout: 10_000 });
        since = answer.nextBatch;
        if (answer.raw['device_lists'] !== undefined) return [asObject(answer.raw['device_lists'], 'lists'), since];
      }
    };
    let { nextBatch: since } = await alice.sync();
    let told: Known;
    await member('join');
    [told, since] = await lists(since);
    assert.deepEqual(told, { changed: [grace], left: [] });
    await member('leave');
    [told, since] = await lists(since);
    assert.deepEqual(told, { changed: [], left: [grace] });
  });
});

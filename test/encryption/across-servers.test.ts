/** Proves that encryption holds between clients of two servers, with the real client on both sides. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { requireRoom, untilSynced } from '#test/conversation/sdk-client.ts';
import {
  encryption,
  makeIdentity,
  messagesOf,
  startCryptoDevice,
  timelineOf,
  untilTrue,
  type CryptoDevice,
} from '#test/encryption/crypto-device.ts';
import { startFederation, type FederatedServer, type FederatedServers } from '#test/support/federated-servers.ts';
import { logIn, openSession } from '#test/support/matrix-http.ts';
import { asObject } from '#test/support/matrix-shapes.ts';

/** Waits until a device shows the messages, in this order, as the last ones. */
async function untilShown(device: CryptoDevice, roomId: string, messages: readonly string[]): Promise<void> {
  const shown = (): string[] => messagesOf(timelineOf(device, roomId)).slice(-messages.length);
  await untilSynced(device, () => shown().join('\n') === messages.join('\n'), `the messages ${messages.join(', ')}`);
}

async function say(device: CryptoDevice, roomId: string, ...messages: readonly string[]): Promise<void> {
  for (const message of messages) await device.client.sendTextMessage(roomId, message);
}

describe('encryption between clients of two servers', () => {
  let federation: FederatedServers;
  let [one, two]: FederatedServer[] = [];
  before(async () => {
    federation = await startFederation(2);
    [one, two] = federation.servers;
  });
  after(() => federation[Symbol.asyncDispose]());

  it('lets people with three devices talk, sees devices come and go and identities vouch, and leaves nothing unreadable', async () => {
    assert.ok(one && two);
    await using alice = await startCryptoDevice(one.baseUrl, await one.newUser('alice'), {});
    await using bob = await startCryptoDevice(two.baseUrl, await two.newUser('bob'), {});
    await makeIdentity(alice);
    await makeIdentity(bob);
    const { room_id: roomId } = await alice.client.createRoom({ initial_state: [encryption], invite: [bob.userId] });
    await untilSynced(bob, () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite', 'the invitation');
    await bob.client.joinRoom(roomId);
    for (const device of [alice, bob]) {
      const isTogether = (): boolean => device.client.getRoom(roomId)?.getJoinedMembers().length === 2;
      await untilSynced(device, isTogether, 'both members');
    }
    await say(alice, roomId, 'one', 'two');
    for (const device of [alice, bob]) await untilShown(device, roomId, ['one', 'two']);
    await say(bob, roomId, 'three');
    for (const device of [alice, bob]) await untilShown(device, roomId, ['one', 'two', 'three']);

    // A device that comes later gets what is said after it, from the other server too.
    await using tablet = await startCryptoDevice(two.baseUrl, await logIn(two.baseUrl, bob.userId), {});
    await untilSynced(tablet, () => tablet.client.getRoom(roomId)?.getMyMembership() === 'join', 'the room');
    const isKnown = async (): Promise<boolean> => {
      const devices = await alice.crypto.getUserDeviceInfo([bob.userId]);
      return devices.get(bob.userId)?.has(tablet.deviceId) === true;
    };
    await untilTrue(alice, isKnown, 'the other device of the other user');
    await say(alice, roomId, 'four');
    // What is said at the same time may have another order on the other server.
    for (const device of [alice, bob, tablet]) await untilShown(device, roomId, ['four']);
    await say(tablet, roomId, 'five');
    for (const device of [alice, bob, tablet]) await untilShown(device, roomId, ['four', 'five']);

    const knowsIdentity = (device: CryptoDevice, of: CryptoDevice) => (): Promise<boolean> =>
      device.crypto.userHasCrossSigningKeys(of.userId, true);
    await untilTrue(alice, knowsIdentity(alice, bob), 'the identity of the user of the other server');
    await untilTrue(bob, knowsIdentity(bob, alice), 'the identity of the user of the other server');
    const isVouchedFor = async (): Promise<boolean> =>
      (await alice.crypto.getDeviceVerificationStatus(bob.userId, bob.deviceId))?.signedByOwner === true;
    await untilTrue(alice, isVouchedFor, 'the device to be vouched for by its owner');
    const wire = openSession(one.baseUrl, alice);
    const asked = await wire.raw('POST', '/keys/query', { body: { device_keys: { [bob.userId]: [] } } });
    assert.deepEqual(asked.body['failures'], {});
    assert.deepEqual(Object.keys(asObject(asked.body['user_signing_keys'], 'keys')), []);

    // Who logs out is known no longer, and the others go on with other keys.
    await tablet.client.logout(true);
    const isGone = async (): Promise<boolean> => !(await isKnown());
    await untilTrue(alice, isGone, 'the end of the device');
    await say(alice, roomId, 'six');
    for (const device of [alice, bob]) await untilShown(device, roomId, ['six']);
    await say(bob, roomId, 'seven');
    for (const device of [alice, bob]) await untilShown(device, roomId, ['six', 'seven']);
    for (const device of [alice, bob]) {
      assert.deepEqual(device.undecrypted, [], 'nothing ever came that could not be read');
      const said = timelineOf(device, roomId).filter((event) => event.getType() === 'm.room.message');
      assert.deepEqual(messagesOf(said), ['one', 'two', 'three', 'four', 'five', 'six', 'seven']);
      assert.ok(said.every((event) => event.isEncrypted() && !event.isDecryptionFailure()));
    }
    assert.ok(requireRoom(alice, roomId).hasEncryptionStateEvent());
  });

  it('goes on where it was after a server was away: messages to devices and lists of devices are caught up with', async () => {
    assert.ok(one && two);
    await using carol = await startCryptoDevice(one.baseUrl, await one.newUser('carol'), {});
    const dave = await two.newUser('dave');
    const davesPhone = await startCryptoDevice(two.baseUrl, dave, {});
    const { room_id: roomId } = await carol.client.createRoom({ initial_state: [encryption], invite: [dave.userId] });
    await untilSynced(davesPhone, () => davesPhone.client.getRoom(roomId) !== null, 'the invitation');
    await davesPhone.client.joinRoom(roomId);
    const isTogether = (): boolean => requireRoom(carol, roomId).getJoinedMembers().length === 2;
    await untilSynced(carol, isTogether, 'both members');
    await say(carol, roomId, 'before');
    await untilShown(davesPhone, roomId, ['before']);
    await two.stop();
    await say(carol, roomId, 'while you were away', 'and again');
    await two.start();
    await untilShown(davesPhone, roomId, ['before', 'while you were away', 'and again']);
    await say(davesPhone, roomId, 'I am back');
    await untilShown(carol, roomId, ['I am back']);
    for (const device of [carol, davesPhone]) assert.deepEqual(device.undecrypted, []);
    await davesPhone[Symbol.asyncDispose]();
  });
});

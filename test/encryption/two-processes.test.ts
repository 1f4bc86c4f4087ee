/** Owns the proof that encryption holds across two processes of one server, and when people change identities and devices. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { requireRoom, scrollToStart, untilSynced } from '#test/conversation/sdk-client.ts';
import {
  encryption,
  makeIdentity,
  makeSecretStorage,
  messagesOf,
  replaceIdentity,
  startCryptoDevice,
  timelineOf,
  untilTrue,
  type CryptoDevice,
  type RecoveryKey,
} from '#test/encryption/crypto-device.ts';
import { logIn, openSession, registerUser } from '#test/support/matrix-http.ts';
import { startServerProcess, type ServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

/** Waits until a device shows the messages, in this order. */
async function untilShown(device: CryptoDevice, roomId: string, messages: readonly string[]): Promise<void> {
  const shown = (): string[] => messagesOf(timelineOf(device, roomId)).slice(-messages.length);
  await untilSynced(device, () => shown().join('\n') === messages.join('\n'), `the messages ${messages.join(', ')}`);
}

async function say(device: CryptoDevice, roomId: string, ...messages: readonly string[]): Promise<void> {
  for (const message of messages) await device.client.sendTextMessage(roomId, message);
}

describe('encryption between clients of two processes', () => {
  let database: TestDatabase;
  let first: ServerProcess;
  let second: ServerProcess;

  before(async () => {
    database = await createTestDatabase();
    first = await startServerProcess({ databaseUrl: database.url });
    second = await startServerProcess({ databaseUrl: database.url });
  });

  after(async () => {
    for (const each of [second, first, database]) await each[Symbol.asyncDispose]();
  });

  it('lets two people with three devices talk through two processes, and a new device read it all from the backup', async () => {
    const recovery: RecoveryKey = {};
    await using alice = await startCryptoDevice(first.baseUrl, await registerUser(first.baseUrl), recovery);
    await using bob = await startCryptoDevice(second.baseUrl, await registerUser(second.baseUrl), {});
    const bobsTablet = await logIn(first.baseUrl, bob.userId);
    await using tablet = await startCryptoDevice(first.baseUrl, bobsTablet, {});
    await makeIdentity(alice);
    await makeIdentity(bob);
    await makeSecretStorage(alice);

    const { room_id: roomId } = await alice.client.createRoom({ initial_state: [encryption], invite: [bob.userId] });
    await untilSynced(bob, () => bob.client.getRoom(roomId) !== null, 'the invitation');
    await bob.client.joinRoom(roomId);
    await untilSynced(alice, () => requireRoom(alice, roomId).getJoinedMemberCount() === 2, 'the other member');
    await untilSynced(tablet, () => tablet.client.getRoom(roomId)?.getMyMembership() === 'join', 'the join');

    await say(alice, roomId, 'one', 'two');
    for (const device of [alice, bob, tablet]) await untilShown(device, roomId, ['one', 'two']);
    await say(bob, roomId, 'three');
    await say(tablet, roomId, 'four');
    const earlier = ['one', 'two', 'three', 'four'];
    for (const device of [alice, bob, tablet]) await untilShown(device, roomId, earlier);
    assert.ok(timelineOf(alice, roomId).every((event) => event.getType() !== 'm.room.message' || event.isEncrypted()));

    // Three sessions: each of the devices that spoke has made one.
    const wire = openSession(first.baseUrl, alice);
    const isBackedUp = async (): Promise<boolean> => (await wire.raw('GET', '/room_keys/version')).body['count'] === 3;
    await untilTrue(alice, isBackedUp, 'the backup of three keys');

    const session = await logIn(second.baseUrl, alice.userId);
    await using phone = await startCryptoDevice(second.baseUrl, session, recovery);
    const knowsIdentity = (): Promise<boolean> => phone.crypto.userHasCrossSigningKeys(alice.userId, true);
    await untilTrue(phone, knowsIdentity, 'its own identity');
    await phone.crypto.bootstrapCrossSigning({});
    await phone.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    const { imported, total } = await phone.crypto.restoreKeyBackup();
    assert.deepEqual({ imported, total }, { imported: 3, total: 3 });
    const history = await scrollToStart(phone, roomId);
    for (const event of history) await phone.client.decryptEventIfNeeded(event);
    assert.deepEqual(messagesOf(history), earlier, 'the new device reads what was said before it was there');

    await untilTrue(
      bob,
      async () => (await bob.crypto.getDeviceVerificationStatus(alice.userId, phone.deviceId))?.signedByOwner === true,
      'the new device to be vouched for by its owner',
    );
    await say(phone, roomId, 'five');
    await say(alice, roomId, 'six');
    await say(bob, roomId, 'seven');
    const later = ['five', 'six', 'seven'];
    for (const device of [alice, bob, tablet, phone]) await untilShown(device, roomId, later);
    for (const device of [alice, bob, tablet]) {
      assert.deepEqual(device.undecrypted, [], 'nothing ever came that could not be read');
      assert.ok(timelineOf(device, roomId).every((event) => !event.isDecryptionFailure()));
    }
    assert.ok(timelineOf(phone, roomId).every((event) => !event.isDecryptionFailure()));
  });

  it('shows others that somebody has another identity, and who logged out gets no keys any more', async () => {
    await using alice = await startCryptoDevice(first.baseUrl, await registerUser(first.baseUrl), {});
    await using bob = await startCryptoDevice(second.baseUrl, await registerUser(second.baseUrl), {});
    await makeIdentity(alice);
    await makeIdentity(bob);
    const { room_id: roomId } = await alice.client.createRoom({ initial_state: [encryption], invite: [bob.userId] });
    await untilSynced(bob, () => bob.client.getRoom(roomId) !== null, 'the invitation');
    await bob.client.joinRoom(roomId);
    await untilSynced(bob, () => bob.client.getRoom(roomId)?.getMyMembership() === 'join', 'the join');
    await say(bob, roomId, 'hello');
    await untilShown(alice, roomId, ['hello']);
    const isKnown = async (): Promise<boolean> => alice.crypto.userHasCrossSigningKeys(bob.userId, true);
    await untilTrue(alice, isKnown, 'the identity');
    const before = await alice.crypto.getUserVerificationStatus(bob.userId);
    assert.equal(before.needsUserApproval, false);
    await replaceIdentity(bob);
    const isOther = async (): Promise<boolean> =>
      (await alice.crypto.getUserVerificationStatus(bob.userId)).needsUserApproval;
    await untilTrue(alice, isOther, 'another identity');

    const tablet = await logIn(second.baseUrl, bob.userId);
    const devicesOfBob = async (): Promise<number> =>
      (await alice.crypto.getUserDeviceInfo([bob.userId])).get(bob.userId)?.size ?? 0;
    {
      await using brief = await startCryptoDevice(second.baseUrl, tablet, {});
      assert.ok(await brief.crypto.getOwnDeviceKeys(), 'it has published its keys');
      await untilTrue(alice, async () => (await devicesOfBob()) === 2, 'the tablet');
    }
    await tablet.raw('POST', '/logout');
    await untilTrue(alice, async () => (await devicesOfBob()) === 1, 'the tablet to be gone');
    await say(alice, roomId, 'goodbye');
    await untilShown(bob, roomId, ['hello', 'goodbye']);
    assert.deepEqual([...alice.undecrypted, ...bob.undecrypted], []);
  });
});

/** Proves end-to-end encryption with the real client: two users, three devices, cross-signing, and a backup that a fourth device restores. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireRoom, untilSynced } from '#test/conversation/sdk-client.ts';
import {
  encryption,
  makeIdentity,
  makeSecretStorage,
  startCryptoDevice,
  untilTrue,
  type CryptoDevice,
  type RecoveryKey,
} from '#test/encryption/crypto-device.ts';
import { logIn, openSession, registerUser } from '#test/support/matrix-http.ts';
import { startServerOnFreshDatabase } from '#test/support/server-process.ts';

async function expectText(device: CryptoDevice, roomId: string, eventId: string, body: string): Promise<void> {
  const event = () => requireRoom(device, roomId).findEventById(eventId);
  await untilSynced(device, () => event()?.getContent()['body'] === body, `“${body}” on ${device.deviceId}`);
  assert.ok(event()?.isEncrypted(), 'the message went encrypted');
}

test('two users with three devices talk encrypted, and a fourth device restores what was said', async () => {
  await using server = await startServerOnFreshDatabase();
  const { baseUrl } = server;
  const recovery: RecoveryKey = {};
  await using phone = await startCryptoDevice(baseUrl, await registerUser(baseUrl), recovery);
  await makeIdentity(phone);
  await makeSecretStorage(phone);
  await using laptop = await startCryptoDevice(baseUrl, await logIn(baseUrl, phone.userId), recovery);
  // With the recovery key the second device signs itself, once it knows the public keys of its owner.
  assert.ok(await laptop.crypto.userHasCrossSigningKeys(undefined, true), 'the public keys are there to be asked for');
  await laptop.crypto.bootstrapCrossSigning({});
  await using bob = await startCryptoDevice(baseUrl, await registerUser(baseUrl), {});
  await makeIdentity(bob);
  await makeSecretStorage(bob);

  const isVerified = async (): Promise<boolean> =>
    (await phone.crypto.getDeviceVerificationStatus(phone.userId, laptop.deviceId))?.signedByOwner === true;
  await untilTrue(phone, isVerified, 'the second device to be signed by its owner');

  const { room_id: roomId } = await phone.client.createRoom({ invite: [bob.userId], initial_state: [encryption] });
  await untilSynced(bob, () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite', 'the invitation');
  await bob.client.joinRoom(roomId);
  const devices = [phone, laptop, bob];
  for (const device of devices) {
    const isTogether = (): boolean => device.client.getRoom(roomId)?.getJoinedMembers().length === 2;
    await untilSynced(device, isTogether, 'both members');
  }

  const said: { eventId: string; body: string }[] = [];
  for (const { client, deviceId } of devices) {
    for (const count of [1, 2]) {
      const body = `${deviceId} says ${count}`;
      const { event_id: eventId } = await client.sendTextMessage(roomId, body);
      said.push({ eventId, body });
    }
  }
  for (const device of devices) for (const { eventId, body } of said) await expectText(device, roomId, eventId, body);

  // The client remembers what it was told of the backup, so the server is asked.
  const wire = openSession(baseUrl, phone);
  const isBackedUp = async (): Promise<boolean> =>
    Number((await wire.raw('GET', '/room_keys/version')).body['count']) >= 3;
  await untilTrue(phone, isBackedUp, 'the keys of all three sessions in the backup');
  await using tablet = await startCryptoDevice(baseUrl, await logIn(baseUrl, phone.userId), recovery);
  await tablet.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
  await tablet.crypto.checkKeyBackupAndEnable();
  const restored = await tablet.crypto.restoreKeyBackup();
  assert.equal(restored.imported, restored.total);
  for (const { eventId, body } of said) await expectText(tablet, roomId, eventId, body);

  for (const { client, deviceId } of [...devices, tablet]) {
    const events = client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
    const undecryptable = events.filter((event) => event.isDecryptionFailure());
    assert.deepEqual(
      undecryptable.map((event) => event.getId()),
      [],
      `nothing is unreadable on ${deviceId}`,
    );
  }
});

/** Proves that an encrypted conversation goes on across a restore, with the real client and what it remembers. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { runCommand } from '#test/backup/commands.ts';
import { scrollToStart, untilSynced } from '#test/conversation/sdk-client.ts';
import {
  encryption,
  makeIdentity,
  makeSecretStorage,
  messagesOf,
  startCryptoDevice,
  timelineOf,
  untilTrue,
  type CryptoDevice,
  type RecoveryKey,
} from '#test/encryption/crypto-device.ts';
import { logIn, openSession, registerUser } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

async function untilShown(device: CryptoDevice, roomId: string, message: string): Promise<void> {
  await untilSynced(device, () => messagesOf(timelineOf(device, roomId)).includes(message), `“${message}”`);
}

/** Says something and waits until all show it. */
async function say(device: CryptoDevice, roomId: string, message: string, all: readonly CryptoDevice[]): Promise<void> {
  await device.client.sendTextMessage(roomId, message);
  for (const each of all) await untilShown(each, roomId, message);
}

test('an encrypted conversation goes on after a restore, for the devices of before and for a new one', async () => {
  using directory = makeTemporaryDirectory();
  const backup = path.join(directory.path, 'backup');
  await using formerDatabase = await createTestDatabase();
  // In the same cluster: the server cannot tell by PostgreSQL that this is another life.
  await using database = await createTestDatabase();
  await using former = await startServerProcess({ databaseUrl: formerDatabase.url });
  const { baseUrl, port } = former;
  const recovery: RecoveryKey = {};
  await using alice = await startCryptoDevice(baseUrl, await registerUser(baseUrl), recovery);
  await using bob = await startCryptoDevice(baseUrl, await registerUser(baseUrl), {});
  for (const device of [alice, bob]) await makeIdentity(device);
  await makeSecretStorage(alice);
  const { room_id: roomId } = await alice.client.createRoom({ initial_state: [encryption], invite: [bob.userId] });
  await untilSynced(bob, () => bob.client.getRoom(roomId) !== null, 'the invitation');
  await bob.client.joinRoom(roomId);
  await untilSynced(alice, () => alice.client.getRoom(roomId)?.getJoinedMemberCount() === 2, 'the other member');
  await say(alice, roomId, 'one', [alice, bob]);
  await say(bob, roomId, 'two', [alice, bob]);
  const wire = openSession(baseUrl, alice);
  const isBackedUp = async (): Promise<boolean> => (await wire.raw('GET', '/room_keys/version')).body['count'] === 2;
  await untilTrue(alice, isBackedUp, 'the backup of two keys');

  await runCommand(['backup', backup], { databaseUrl: formerDatabase.url });
  await say(alice, roomId, 'lost on the server', [alice, bob]);
  await former.stop();
  await runCommand(['restore', backup], { databaseUrl: database.url });
  await using restored = await startServerProcess({ databaseUrl: database.url, port });

  // Both clients go on with their tokens of before, as clients do when their server was away.
  for (const { client } of [alice, bob]) client.retryImmediately();
  await say(alice, roomId, 'three', [alice, bob]);
  await say(bob, roomId, 'four', [alice, bob]);

  // A new device needs one-time keys of the others, which have published others by now, and the stored keys.
  await using phone = await startCryptoDevice(baseUrl, await logIn(baseUrl, alice.userId), recovery);
  await untilTrue(phone, () => phone.crypto.userHasCrossSigningKeys(alice.userId, true), 'its own identity');
  await phone.crypto.bootstrapCrossSigning({});
  await phone.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
  await phone.crypto.restoreKeyBackup();
  await untilTrue(
    bob,
    async () => (await bob.crypto.getDeviceVerificationStatus(alice.userId, phone.deviceId))?.signedByOwner === true,
    'the new device to be vouched for by its owner',
  );
  await say(bob, roomId, 'five', [alice, bob, phone]);
  await say(phone, roomId, 'six', [alice, bob, phone]);
  const history = await scrollToStart(phone, roomId);
  for (const event of history) await phone.client.decryptEventIfNeeded(event);
  assert.deepEqual(messagesOf(history), ['one', 'two', 'three', 'four', 'five', 'six']);
  for (const device of [alice, bob]) {
    assert.deepEqual(device.undecrypted, []);
    const shown = messagesOf(timelineOf(device, roomId));
    assert.deepEqual(
      shown,
      ['one', 'two', 'lost on the server', 'three', 'four', 'five', 'six'],
      'nothing comes twice',
    );
    const counts = (await openSession(restored.baseUrl, device).sync()).raw['device_one_time_keys_count'];
    assert.ok(Number(Object(counts)['signed_curve25519']) > 0, 'the client has published other one-time keys');
  }
});

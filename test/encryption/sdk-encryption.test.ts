/** Proves end-to-end encryption with the real client: two users, three devices, cross-signing, and a backup that a fourth device restores. */
import {
  ClientEvent,
  createClient,
  MatrixEventEvent,
  MemoryStore,
  RoomEvent,
  type MatrixClient,
  type MatrixEvent,
} from 'matrix-js-sdk';
import { CryptoEvent, type GeneratedSecretStorageKey } from 'matrix-js-sdk/lib/crypto-api/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectComplaints } from '#test/conversation/sdk-client.ts';
import { registerUser, request, testPassword, uniqueName } from '#test/support/matrix-http.ts';
import { startServerOnFreshDatabase } from '#test/support/server-process.ts';

const patienceMs = 45_000;

type Device = AsyncDisposable & { readonly client: MatrixClient; readonly name: string };

/** The key of the secret storage, which a person would have written down. */
type RecoveryKey = { key: GeneratedSecretStorageKey | undefined };

async function startDevice(baseUrl: string, username: string, recovery: RecoveryKey): Promise<Device> {
  const logger = collectComplaints([]);
  const entrance = createClient({ baseUrl, logger });
  const session = await entrance.loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: username },
    password: testPassword,
  });
  const client = createClient({
    baseUrl,
    userId: session.user_id,
    deviceId: session.device_id,
    accessToken: session.access_token,
    logger,
    store: new MemoryStore(),
    disableVoip: true,
    cryptoCallbacks: {
      getSecretStorageKey: async ({ keys }) => {
        const [id] = Object.keys(keys);
        const secret = recovery.key?.privateKey;
        return id === undefined || secret === undefined ? null : [id, new Uint8Array(secret)];
      },
    },
  });
  await client.initRustCrypto({ useIndexedDB: false });
  await client.startClient({ pollTimeout: 20_000 });
  await until(client, () => client.isInitialSyncComplete(), 'the initial sync');
  return {
    client,
    name: `${username} ${session.device_id}`,
    async [Symbol.asyncDispose]() {
      client.stopClient();
      await client.store.deleteAllData();
    },
  };
}

/** Waits until `check` holds, looking again whenever the client has learnt something. */
async function until(client: MatrixClient, check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    if (await check()) return;
    if (performance.now() > deadline) throw new Error(`${client.getUserId()} waited in vain for ${what}.`);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        client.off(ClientEvent.Sync, done);
        client.off(RoomEvent.Timeline, done);
        client.off(MatrixEventEvent.Decrypted, done);
        client.off(CryptoEvent.KeysChanged, done);
        resolve();
      };
      const timer = setTimeout(done, 250);
      client.on(ClientEvent.Sync, done);
      client.on(RoomEvent.Timeline, done);
      client.on(MatrixEventEvent.Decrypted, done);
      client.on(CryptoEvent.KeysChanged, done);
    });
  }
}

function crypto({ client }: Device) {
  const api = client.getCrypto();
  assert.ok(api, 'encryption is on');
  return api;
}

async function bootstrap(device: Device, username: string, recovery: RecoveryKey): Promise<void> {
  const api = crypto(device);
  await api.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (makeRequest) => {
      const identifier = { type: 'm.id.user', user: username };
      await makeRequest({ type: 'm.login.password', identifier, password: testPassword });
    },
  });
  recovery.key = await api.createRecoveryKeyFromPassphrase();
  await api.bootstrapSecretStorage({
    createSecretStorageKey: async () => {
      assert.ok(recovery.key);
      return recovery.key;
    },
    setupNewKeyBackup: true,
  });
}

function eventIn({ client }: Device, roomId: string, eventId: string): MatrixEvent | undefined {
  return client.getRoom(roomId)?.findEventById(eventId);
}

async function expectText(device: Device, roomId: string, eventId: string, body: string): Promise<void> {
  const isRead = (): boolean => eventIn(device, roomId, eventId)?.getContent()['body'] === body;
  await until(
    device.client,
    isRead,
    `“${body}” on ${device.name}: ${eventIn(device, roomId, eventId)?.decryptionFailureReason}`,
  );
  assert.ok(eventIn(device, roomId, eventId)?.isEncrypted(), 'the message went encrypted');
}

test('two users with three devices talk encrypted, and a fourth device restores what was said', async () => {
  await using server = await startServerOnFreshDatabase();
  const { baseUrl } = server;
  const [aliceName, bobName] = [uniqueName('alice'), uniqueName('bob')];
  for (const name of [aliceName, bobName]) await registerUser(baseUrl, name);
  const [aliceKey, bobKey]: RecoveryKey[] = [{ key: undefined }, { key: undefined }];
  assert.ok(aliceKey && bobKey);
  await using phone = await startDevice(baseUrl, aliceName, aliceKey);
  await bootstrap(phone, aliceName, aliceKey);
  await using laptop = await startDevice(baseUrl, aliceName, aliceKey);
  // With the recovery key the second device signs itself, once it knows the public keys of its owner.
  assert.ok(await crypto(laptop).userHasCrossSigningKeys(undefined, true), 'the public keys are there to be asked for');
  await crypto(laptop).bootstrapCrossSigning({});
  await using bob = await startDevice(baseUrl, bobName, bobKey);
  await bootstrap(bob, bobName, bobKey);

  const isVerified = async (): Promise<boolean> => {
    const deviceId = laptop.client.getDeviceId() ?? '';
    const status = await crypto(phone).getDeviceVerificationStatus(phone.client.getSafeUserId(), deviceId);
    return status?.signedByOwner === true;
  };
  await until(phone.client, isVerified, 'the second device to be signed by its owner');

  const { room_id: roomId } = await phone.client.createRoom({
    invite: [bob.client.getSafeUserId()],
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  });
  await until(bob.client, () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite', 'the invitation');
  await bob.client.joinRoom(roomId);
  const devices = [phone, laptop, bob];
  for (const { client } of devices) {
    const isTogether = (): boolean => (client.getRoom(roomId)?.getJoinedMembers().length ?? 0) === 2;
    await until(client, isTogether, 'both members');
  }

  const said: { eventId: string; body: string }[] = [];
  for (const device of devices) {
    for (const count of [1, 2]) {
      const body = `${device.name} says ${count}`;
      const { event_id: eventId } = await device.client.sendTextMessage(roomId, body);
      said.push({ eventId, body });
    }
  }
  for (const device of devices) for (const { eventId, body } of said) await expectText(device, roomId, eventId, body);

  // The client remembers what it was told of the backup, so the server is asked.
  const token = phone.client.getAccessToken() ?? '';
  const isBackedUp = async (): Promise<boolean> => {
    const { body } = await request(baseUrl, 'GET', '/_matrix/client/v3/room_keys/version', { token });
    return Number(body['count']) >= 3;
  };
  await until(phone.client, isBackedUp, 'the keys of all three sessions in the backup');
  await using tablet = await startDevice(baseUrl, aliceName, aliceKey);
  await crypto(tablet).loadSessionBackupPrivateKeyFromSecretStorage();
  await crypto(tablet).checkKeyBackupAndEnable();
  const restored = await crypto(tablet).restoreKeyBackup();
  assert.equal(restored.imported, restored.total);
  for (const { eventId, body } of said) await expectText(tablet, roomId, eventId, body);

  for (const { client, name } of [...devices, tablet]) {
    const events = client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
    const undecryptable = events.filter((event) => event.isDecryptionFailure());
    assert.deepEqual(
      undecryptable.map((event) => event.getId()),
      [],
      `nothing is unreadable on ${name}`,
    );
  }
});

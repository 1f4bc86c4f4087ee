/** Owns real clients with real encryption: matrix-js-sdk with its Rust crypto, everything in memory. */
import {
  createClient,
  MatrixError,
  MatrixEventEvent,
  MemoryStore,
  PendingEventOrdering,
  type AuthDict,
  type MatrixEvent,
  type UIAuthCallback,
} from 'matrix-js-sdk';
import type { CryptoApi } from 'matrix-js-sdk/lib/crypto-api/index.js';
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { collectComplaints, untilSynced, type SdkUser } from '#test/conversation/sdk-client.ts';
import { testPassword, type Session } from '#test/support/matrix-http.ts';

const askAgainMs = 100;
const askAttemptsMax = 600;

/** State of a room that is encrypted from its first message on. */
export const encryption = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
};

/** What a person keeps of the key that opens the secret storage, to type it in on another device. */
export type RecoveryKey = { keyId?: string; key?: Uint8Array<ArrayBuffer> };

export type CryptoDevice = SdkUser & {
  readonly crypto: CryptoApi;
  /** Events that could not be decrypted when they came, with the reason. */
  readonly undecrypted: readonly string[];
};

/** Starts a device that is logged in already, with encryption, and returns when its first sync is processed. */
export async function startCryptoDevice(
  baseUrl: string,
  session: Session,
  recovery: RecoveryKey,
): Promise<CryptoDevice> {
  const complaints: string[] = [];
  const undecrypted: string[] = [];
  const client = createClient({
    baseUrl,
    ...session,
    logger: collectComplaints(complaints),
    store: new MemoryStore(),
    timelineSupport: true,
    disableVoip: true,
    cryptoCallbacks: {
      getSecretStorageKey: async ({ keys }) => {
        const keyId = recovery.keyId ?? Object.keys(keys)[0];
        return keyId === undefined || recovery.key === undefined ? null : [keyId, recovery.key];
      },
      cacheSecretStorageKey: (keyId, _description, key) => Object.assign(recovery, { keyId, key }),
    },
  });
  await client.initRustCrypto({ useIndexedDB: false });
  const crypto = client.getCrypto();
  assert.ok(crypto, 'the client has encryption');
  client.on(MatrixEventEvent.Decrypted, (event: MatrixEvent) => {
    if (event.isDecryptionFailure()) undecrypted.push(`${event.getId()}: ${event.decryptionFailureReason}`);
  });
  const device: CryptoDevice = {
    client,
    ...session,
    crypto,
    complaints,
    undecrypted,
    async [Symbol.asyncDispose]() {
      client.stopClient();
      await client.store.deleteAllData();
    },
  };
  await client.startClient({ pendingEventOrdering: PendingEventOrdering.Detached, pollTimeout: 20_000 });
  await untilSynced(device, () => client.isInitialSyncComplete(), 'the initial sync');
  return device;
}

/** Makes the user's three keys, proving by the password whatever must be proved. */
export async function makeIdentity(device: CryptoDevice): Promise<void> {
  await device.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: confirmByPassword(device) });
  await untilTrue(device, () => device.crypto.isCrossSigningReady(), 'its own identity');
}

/** Puts the user's secrets into the storage on the server, with a key backup; the recovery key goes to the device's own. */
export async function makeSecretStorage({ crypto, client }: CryptoDevice): Promise<void> {
  await crypto.bootstrapSecretStorage({
    setupNewSecretStorage: true,
    setupNewKeyBackup: true,
    createSecretStorageKey: () => crypto.createRecoveryKeyFromPassphrase(),
  });
  assert.ok(await crypto.isSecretStorageReady(), 'the secrets are stored');
  assert.ok(await client.secretStorage.hasKey(), 'and the key to them is known');
}

/** Throws the user's keys away and makes others. */
export async function replaceIdentity(device: CryptoDevice): Promise<void> {
  const authUploadDeviceSigningKeys = confirmByPassword(device);
  await device.crypto.bootstrapCrossSigning({ setupNewCrossSigning: true, authUploadDeviceSigningKeys });
}

function confirmByPassword({ userId }: CryptoDevice): UIAuthCallback<void> {
  return async (makeRequest) => {
    try {
      await makeRequest(null);
    } catch (error) {
      if (!(error instanceof MatrixError) || error.httpStatus !== 401) throw error;
      const auth: AuthDict = {
        type: 'm.login.password',
        session: String(error.data['session']),
        identifier: { type: 'm.id.user', user: userId },
        password: testPassword,
      };
      await makeRequest(auth);
    }
  };
}

/** Waits until an answer that must be asked for is yes. Bounded. */
export async function untilTrue(device: CryptoDevice, ask: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < askAttemptsMax; attempt += 1) {
    if (await ask()) return;
    await delay(askAgainMs);
  }
  const complaints = device.complaints.slice(-10).join('\n');
  assert.fail(`${device.userId} waited in vain for ${what}\n${complaints}`);
}

/** The events of a room that a device has, oldest first. */
export function timelineOf({ client }: Pick<CryptoDevice, 'client'>, roomId: string): MatrixEvent[] {
  return client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
}

/** Texts of the messages in a room as a device shows them, oldest first. */
export function messagesOf(events: readonly MatrixEvent[]): string[] {
  return events
    .filter((event) => event.getType() === 'm.room.message')
    .map((event) => String(event.getContent()['body']));
}

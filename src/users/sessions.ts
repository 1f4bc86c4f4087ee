/** Owns beginning a session: a device with its access token. */
import type { Clock } from '#core/clock.ts';
import { randomString, randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import { persistDevice, replaceToken } from '#storage/users/devices.ts';
import { hashToken, type Authenticator } from '#users/authenticate.ts';

export type SessionParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly authenticator: Pick<Authenticator, 'forgetDevices'>;
};

export type SessionRequest = {
  readonly userNid: number;
  readonly deviceId?: string | undefined;
  /** Ignored for a device that exists. */
  readonly displayName?: string | undefined;
};

export type CreatedSession = { readonly accessToken: string; readonly deviceId: string };

/**
 * Makes an access token for a device, which is made if need be. Earlier tokens of the device end.
 * Specification: Client-Server API, "Relationship between access tokens and devices".
 */
export async function createSession(parts: SessionParts, request: SessionRequest): Promise<CreatedSession> {
  const { userNid, displayName, deviceId = generateDeviceId() } = request;
  const accessToken = randomToken(32);
  const createdAt = parts.clock.now();
  const deviceNid = await parts.database.transaction(async (tx) => {
    const nid = await persistDevice(tx, { userNid, deviceId, displayName, createdAt });
    await replaceToken(tx, { tokenHash: hashToken(accessToken), userNid, deviceNid: nid, createdAt });
    return nid;
  });
  parts.authenticator.forgetDevices([deviceNid]);
  return { accessToken, deviceId };
}

function generateDeviceId(): string {
  return randomString(10, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
}

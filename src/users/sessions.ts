/** Owns beginning a session, a device with its tokens, and going on with it by a refresh token. */
import type { Clock } from '#core/clock.ts';
import { randomString, randomToken } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { lockDeviceRow, persistDevice } from '#storage/users/devices.ts';
import { findRefreshToken } from '#storage/users/find-refresh-token.ts';
import {
  endEarlierTokens,
  expireTokensOf,
  persistNextTokens,
  replaceTokens,
  type NewTokens,
} from '#storage/users/tokens.ts';
import { hashToken, type Authenticator } from '#users/authenticate.ts';
import { requireFreeDeviceId } from '#users/keys/require-free-device-id.ts';

export type SessionParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly authenticator: Pick<Authenticator, 'forgetDevices'>;
  /** For how long the access tokens of clients that can refresh them are good. */
  readonly config: { readonly sessions: { readonly accessTokenLifetimeMs: number } };
};

export type SessionRequest = {
  readonly userNid: number;
  readonly deviceId?: string | undefined;
  /** Ignored for a device that exists. */
  readonly displayName?: string | undefined;
  /** The client can refresh its tokens; otherwise its access token never expires. */
  readonly isRefreshable?: boolean | undefined;
};

/** Tokens as they go to the client. */
export type SessionTokens = {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly expires_in_ms?: number;
};

/**
 * Makes tokens for a device, which is made if need be. Earlier tokens of the device end. Throws M_FORBIDDEN for the ID of
 * a cross-signing key of the user.
 * Specification: Client-Server API, "Relationship between access tokens and devices".
 */
export async function createSession(
  parts: SessionParts,
  request: SessionRequest,
): Promise<SessionTokens & { readonly device_id: string }> {
  const { userNid, displayName, deviceId = generateDeviceId() } = request;
  const { tokens, row } = makeTokens(parts, request.isRefreshable === true);
  const deviceNid = await parts.database.transaction(async (tx) => {
    await requireFreeDeviceId(tx, userNid, deviceId);
    const nid = await persistDevice(tx, { userNid, deviceId, displayName, createdAt: row.createdAt });
    await replaceTokens(tx, { ...row, userNid, deviceNid: nid, generation: 0 });
    return nid;
  });
  parts.authenticator.forgetDevices([deviceNid]);
  return { ...tokens, device_id: deviceId };
}

function generateDeviceId(): string {
  return randomString(10, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
}

type TokenRow = Omit<NewTokens, 'userNid' | 'deviceNid' | 'generation'>;

function makeTokens(
  { clock, config }: Pick<SessionParts, 'clock' | 'config'>,
  isRefreshable: boolean,
): { readonly tokens: SessionTokens; readonly row: TokenRow } {
  const createdAt = clock.now();
  const accessToken = randomToken(32);
  const accessTokenHash = hashToken(accessToken);
  if (!isRefreshable) {
    const row = { accessTokenHash, expiresAt: undefined, refreshTokenHash: undefined, createdAt };
    return { tokens: { access_token: accessToken }, row };
  }
  const refreshToken = randomToken(32);
  const lifetimeMs = config.sessions.accessTokenLifetimeMs;
  return {
    tokens: { access_token: accessToken, refresh_token: refreshToken, expires_in_ms: lifetimeMs },
    row: {
      accessTokenHash,
      expiresAt: createdAt + lifetimeMs,
      refreshTokenHash: hashToken(refreshToken),
      createdAt,
    },
  };
}

/**
 * New tokens for an old refresh token, which stays good until one of the new ones is used: a client that never got the
 * answer asks again. A refresh token that comes back after that was copied, so all tokens of its device end. Throws
 * M_UNKNOWN_TOKEN and M_USER_LOCKED. Specification: Client-Server API, "Refreshing access tokens".
 */
export async function refreshSession(parts: SessionParts, refreshToken: string): Promise<SessionTokens> {
  const tokenHash = hashToken(refreshToken);
  const { tokens, row } = makeTokens(parts, true);
  const known = await findRefreshToken(parts.database, tokenHash);
  if (known === undefined) throw unknownToken(false);
  const { deviceNid, userNid } = known;
  const isRefreshed = await parts.database.transaction(async (tx) => {
    // Read again under the lock: another request may have used or replaced it.
    const token = (await lockDeviceRow(tx, deviceNid)) ? await findRefreshToken(tx, tokenHash) : undefined;
    if (token === undefined) throw unknownToken(false);
    if (token.isLocked) {
      throw new MatrixError('M_USER_LOCKED', 'This account is locked.', { fields: { soft_logout: true } });
    }
    if (token.isRevoked) {
      await expireTokensOf(tx, deviceNid, row.createdAt);
      return false;
    }
    await endEarlierTokens(tx, deviceNid, token.generation);
    await persistNextTokens(tx, { ...row, userNid, deviceNid, generation: token.generation + 1 });
    return true;
  });
  parts.authenticator.forgetDevices([deviceNid]);
  if (!isRefreshed) throw unknownToken(true);
  return tokens;
}

function unknownToken(softLogout: boolean): MatrixError {
  const fields = { soft_logout: softLogout };
  return new MatrixError('M_UNKNOWN_TOKEN', 'The refresh token is not known, or it was used already.', { fields });
}

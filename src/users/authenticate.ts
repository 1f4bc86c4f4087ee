/** Owns finding out whose an access token is, on every request: a short memory before the database. */
import { hash } from 'node:crypto';
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import type { Change } from '#streams/change.ts';
import type { ChangeStream } from '#streams/change-stream.ts';
import { lockDeviceRow, persistSighting } from '#storage/users/devices.ts';
import { findTokenOwner, type TokenOwner } from '#storage/users/find-token-owner.ts';
import { endEarlierTokens, markAccessTokenUsed } from '#storage/users/tokens.ts';

/** An account that another process locks or suspends goes on for this long at most. */
const REMEMBERED_MS = 5_000;
const REMEMBERED_TOKENS_MAX = 50_000;
const SIGHTING_INTERVAL_MS = 600_000;
const USER_AGENT_LENGTH_MAX = 300;

/** Whose token it is: what the HTTP layer calls a principal. */
export type TokenPrincipal = {
  readonly userId: string;
  readonly userNid: number;
  readonly deviceId: string;
  readonly deviceNid: number;
  readonly accountState: 'active' | 'locked' | 'suspended';
  readonly isGuest: boolean;
};

export type TokenCall = { readonly remoteAddress: string; readonly userAgent: string | undefined };

export type Authenticator = {
  /**
   * The principal of a token, at once when it is remembered. Throws (or rejects with) M_UNKNOWN_TOKEN, which is also
   * what tokens of a deactivated account are. The state of the account is the caller's to judge.
   */
  readonly authenticate: (token: string, call: TokenCall) => TokenPrincipal | Promise<TokenPrincipal>;
  /** Forgets the tokens of devices that were logged out or got a new token; called after the commit. */
  readonly forgetDevices: (deviceNids: readonly number[]) => void;
};

type DeviceChanges = Pick<ChangeStream, 'horizon' | 'since'>;

/** No device of the user was removed between the look-up of the token and `horizon`. */
type Remembered = { readonly principal: TokenPrincipal; readonly untilMs: number; horizon: number };

/** The only hash of a token that is stored. Tokens are random, so that one round of SHA-256 is enough. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

export function createAuthenticator(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tells of devices that other processes have removed. */
  readonly deviceLists: DeviceChanges;
}): Authenticator {
  const { clock, deviceLists } = parts;
  // Under the token itself: hashing it on every request would cost more than the rest of the look-up.
  const remembered = new BoundedMap<string, Remembered>({ sizeMax: REMEMBERED_TOKENS_MAX });
  const tokensByDevice = new Map<number, Set<string>>();
  const lookups = new Map<string, Promise<TokenPrincipal>>();
  let revocations = 0;

  const forgetDevices: Authenticator['forgetDevices'] = (deviceNids) => {
    revocations += 1;
    lookups.clear();
    for (const deviceNid of deviceNids) {
      for (const token of tokensByDevice.get(deviceNid) ?? []) remembered.delete(token);
      tokensByDevice.delete(deviceNid);
    }
  };

  const remember = (token: string, { principal, untilMs, horizon }: Remembered): void => {
    remembered.set(token, { principal, untilMs, horizon });
    const tokens = tokensByDevice.get(principal.deviceNid);
    if (tokens === undefined) tokensByDevice.set(principal.deviceNid, new Set([token]));
    else tokens.add(token);
    if (tokensByDevice.size > 2 * REMEMBERED_TOKENS_MAX) dropForgotten(tokensByDevice, remembered);
  };

  const lookUp = async (token: string, call: TokenCall): Promise<TokenPrincipal> => {
    const tokenHash = hashToken(token);
    const startedMs = clock.monotonicMs();
    const revocationsBefore = revocations;
    const { horizon } = deviceLists;
    const owner = await findTokenOwner(parts.database, tokenHash);
    if (owner === undefined) throw unknownToken(false);
    const leftMs = owner.expiresAt === null ? REMEMBERED_MS : owner.expiresAt - clock.now();
    if (leftMs <= 0) throw unknownToken(true);
    const principal = principalOf(owner);
    if (owner.isUnused) {
      await endTokensBefore(parts.database, owner.deviceNid, tokenHash);
      // The device's other tokens are over; this one is remembered by the next request.
      forgetDevices([owner.deviceNid]);
    } else if (revocations === revocationsBefore) {
      // Otherwise something was revoked while this was read, and it may be this.
      remember(token, { principal, untilMs: startedMs + Math.min(leftMs, REMEMBERED_MS), horizon });
    }
    noteSighting(parts, owner, call);
    return principal;
  };

  return {
    authenticate(token, call) {
      const known = remembered.get(token);
      if (known !== undefined && clock.monotonicMs() < known.untilMs && isUnrevoked(known, deviceLists))
        return known.principal;
      const running = lookups.get(token);
      if (running !== undefined) return running;
      const lookup = lookUp(token, call).finally(() => {
        if (lookups.get(token) === lookup) lookups.delete(token);
      });
      lookups.set(token, lookup);
      return lookup;
    },
    forgetDevices,
  };
}

/** Whether no process has removed a device of the user since the token was looked up. */
function isUnrevoked(known: Remembered, deviceLists: DeviceChanges): boolean {
  const { horizon } = deviceLists;
  if (horizon === known.horizon) return true;
  const { userNid } = known.principal;
  const changes = deviceLists.since(known.horizon);
  const isOfUser = ({ kind, userNid: changed }: Change): boolean => kind === 'deviceLists' && changed === userNid;
  if (changes === undefined || changes.some(isOfUser)) return false;
  known.horizon = horizon;
  return true;
}

function unknownToken(hasExpired: boolean): MatrixError {
  const message = hasExpired
    ? 'The access token has expired: refresh it, or log in again.'
    : 'The access token is not known.';
  return new MatrixError('M_UNKNOWN_TOKEN', message, { fields: { soft_logout: hasExpired } });
}

/**
 * The first use of a token that a refresh gave: the client has it, so the tokens before it end.
 * Specification: Client-Server API, "Refreshing access tokens".
 */
async function endTokensBefore(database: Database, deviceNid: number, tokenHash: Buffer): Promise<void> {
  await database.transaction(async (tx) => {
    const generation = (await lockDeviceRow(tx, deviceNid)) ? await markAccessTokenUsed(tx, tokenHash) : undefined;
    if (generation === undefined) throw unknownToken(false);
    await endEarlierTokens(tx, deviceNid, generation);
  });
}

function principalOf(owner: TokenOwner): TokenPrincipal {
  const { userId, userNid, deviceId, deviceNid, isLocked, isSuspended, isGuest } = owner;
  const accountState = isLocked ? 'locked' : isSuspended ? 'suspended' : 'active';
  return { userId, userNid, deviceId, deviceNid, accountState, isGuest };
}

function dropForgotten(tokensByDevice: Map<number, Set<string>>, remembered: BoundedMap<string, Remembered>): void {
  for (const [deviceNid, tokens] of tokensByDevice) {
    for (const token of tokens) if (!remembered.has(token)) tokens.delete(token);
    if (tokens.size === 0) tokensByDevice.delete(deviceNid);
  }
}

/** The request does not wait for it, and does not fail with it. */
function noteSighting(
  { database, clock, logger }: { readonly database: Database; readonly clock: Clock; readonly logger: Logger },
  { deviceNid, lastSeenAt }: TokenOwner,
  { remoteAddress, userAgent }: TokenCall,
): void {
  const seenAt = clock.now();
  const unlessSeenAfter = seenAt - SIGHTING_INTERVAL_MS;
  if (lastSeenAt !== null && lastSeenAt > unlessSeenAfter) return;
  persistSighting(database, {
    deviceNid,
    seenAt,
    remoteAddress,
    userAgent: userAgent?.slice(0, USER_AGENT_LENGTH_MAX),
    unlessSeenAfter,
  }).catch((error: unknown) => logger.error({ err: error, deviceNid }, 'could not note when a device was last seen'));
}

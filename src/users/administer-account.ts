/** Owns what administrators do with accounts: locking and suspending them, and seeing their sessions. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { Database, ReadTx } from '#storage/database.ts';
import { findAccount, findAccountByNid, type StoredAccount } from '#storage/users/find-account.ts';
import { findDevices } from '#storage/users/find-devices.ts';
import { persistModeration } from '#storage/users/update-account.ts';
import type { Authenticator } from '#users/authenticate.ts';

export type AdministrationParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly isLocal: (id: string) => boolean;
  readonly authenticator: Pick<Authenticator, 'forgetDevices'>;
};

export type Moderation = 'locked' | 'suspended';

/** Whether the user is an administrator of this server. */
export async function isAdministrator(db: ReadTx, userNid: number): Promise<boolean> {
  return (await findAccountByNid(db, userNid))?.isAdmin === true;
}

/**
 * The account that an administrator names. Throws M_FORBIDDEN before anything is looked up unless the caller is one, so
 * that nobody else learns who exists; then M_INVALID_PARAM, M_NOT_FOUND, and M_FORBIDDEN for another administrator's.
 * Specification: Client-Server API, "Server administration".
 */
async function requireModerated(
  { database, isLocal }: AdministrationParts,
  adminNid: number,
  userId: string,
): Promise<StoredAccount> {
  if (!(await isAdministrator(database, adminNid))) {
    throw new MatrixError('M_FORBIDDEN', 'Only administrators of this server may do this.');
  }
  if (!isUserId(userId) || !isLocal(userId)) {
    throw new MatrixError('M_INVALID_PARAM', 'This is not a user of this server.');
  }
  const account = await findAccount(database, userId);
  if (account?.deactivatedAt !== null) throw new MatrixError('M_NOT_FOUND', 'There is no such account.');
  if (account.isAdmin) throw new MatrixError('M_FORBIDDEN', 'This is the account of an administrator.');
  return account;
}

export async function isModerated(
  parts: AdministrationParts,
  adminNid: number,
  userId: string,
  kind: Moderation,
): Promise<boolean> {
  const account = await requireModerated(parts, adminNid, userId);
  return (kind === 'locked' ? account.lockedAt : account.suspendedAt) !== null;
}

/** Locks or suspends an account, or ends that; its tokens stay. Other processes follow within seconds. */
export async function setModerated(
  parts: AdministrationParts,
  adminNid: number,
  change: { readonly userId: string; readonly kind: Moderation; readonly value: boolean },
): Promise<void> {
  const { userNid } = await requireModerated(parts, adminNid, change.userId);
  const since = change.value ? parts.clock.now() : null;
  const devices = await parts.database.transaction(async (tx) => {
    await persistModeration(tx, userNid, change.kind, since);
    return findDevices(tx, userNid);
  });
  parts.authenticator.forgetDevices(devices.map(({ deviceNid }) => deviceNid));
}

/**
 * The devices of a user, with the last connection of each. Throws M_FORBIDDEN unless the caller is that user or an
 * administrator, and M_NOT_FOUND.
 */
export async function requireWhois(
  { database, isLocal }: AdministrationParts,
  caller: { readonly userId: string; readonly userNid: number },
  userId: string,
): Promise<Record<string, unknown>> {
  if (caller.userId !== userId && !(await isAdministrator(database, caller.userNid))) {
    throw new MatrixError('M_FORBIDDEN', 'Only administrators of this server may look at others.');
  }
  const account = isUserId(userId) && isLocal(userId) ? await findAccount(database, userId) : undefined;
  if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account.');
  const devices = await findDevices(database, account.userNid);
  const views = devices.map(({ deviceId, lastSeenAt, lastSeenIp, lastSeenUserAgent }) => {
    const connection = {
      ...(lastSeenIp !== null && { ip: lastSeenIp }),
      ...(lastSeenAt !== null && { last_seen: lastSeenAt }),
      ...(lastSeenUserAgent !== null && { user_agent: lastSeenUserAgent }),
    };
    return [deviceId, { sessions: [{ connections: lastSeenAt === null ? [] : [connection] }] }] as const;
  });
  return { user_id: userId, devices: Object.fromEntries(views) };
}

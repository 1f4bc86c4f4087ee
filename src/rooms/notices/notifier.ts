/** Owns the account in whose name a server speaks to its users. Specification: Client-Server API, "Server Notices". */
import { MatrixError } from '#matrix/error.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { createAccount, type CreateAccountParts } from '#users/create-account.ts';
import { notifierLocalpart } from '#users/reserved-names.ts';

/** The notifier of this server, whose account is made when it speaks for the first time. Nobody can log in to it. */
export async function ensureNotifier(parts: CreateAccountParts): Promise<RoomUser> {
  const userId = notifierId(parts.config.serverName);
  const known = (await findLocalUsers(parts.database, [userId])).get(userId);
  if (known !== undefined) return known;
  try {
    return await createAccount(parts, { localpart: notifierLocalpart, isReserved: true });
  } catch (error) {
    const faster = (await findLocalUsers(parts.database, [userId])).get(userId);
    if (!(error instanceof MatrixError) || error.errcode !== 'M_USER_IN_USE' || faster === undefined) throw error;
    return faster;
  }
}

export function notifierId(serverName: string): string {
  return `@${notifierLocalpart}:${serverName}`;
}

/** Owns the check that users can be invited: they are somewhere, and those of this server want to be. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findInviteBlockers } from '#storage/users/find-invite-permission.ts';
import { findLocalUsers, type LocalUser } from '#storage/rooms/find-local-users.ts';

export type InvitableParts = {
  readonly database: ReadTx;
  readonly isLocal: (id: string) => boolean;
  readonly federation: { readonly isEnabled: boolean };
};

/**
 * Those of the users who are this server's, by id; of others their own server says whether they can be invited. Throws
 * M_INVALID_PARAM for what is no user id, for who does not exist, and for users of other servers where this one reaches none;
 * M_INVITE_BLOCKED for one who takes no invitations. Specification: Client-Server API, "Invite permission".
 */
export async function requireInvitable(
  { database, isLocal, federation }: InvitableParts,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, LocalUser>> {
  for (const userId of userIds) {
    if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', `"${userId}" is not a user id.`);
    if (!isLocal(userId) && !federation.isEnabled) {
      throw new MatrixError('M_INVALID_PARAM', `${userId} is on another server, and this one reaches no others.`);
    }
  }
  const localIds = userIds.filter(isLocal);
  if (localIds.length === 0) return new Map();
  const users = await findLocalUsers(database, localIds);
  const missing = localIds.find((userId) => !users.has(userId));
  if (missing !== undefined) throw new MatrixError('M_INVALID_PARAM', `There is no user ${missing} on this server.`);
  const nids = Array.from(users.values(), ({ userNid }) => userNid);
  const [blocker] = await findInviteBlockers(database, nids);
  if (blocker !== undefined) {
    const blocked = [...users.values()].find(({ userNid }) => userNid === blocker)?.userId;
    throw new MatrixError('M_INVITE_BLOCKED', `${blocked} does not take invitations.`);
  }
  return users;
}

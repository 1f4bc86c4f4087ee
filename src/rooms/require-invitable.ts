/** Owns the check that users can be invited: they are users of this server, and want to be. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findInviteBlockers } from '#storage/users/find-invite-permission.ts';
import { findLocalUsers, type LocalUser } from '#storage/rooms/find-local-users.ts';

/**
 * The users who are to be invited, by id. Throws M_INVALID_PARAM for what is no user id, for a user of another server,
 * which this version cannot reach, and for one who does not exist; M_INVITE_BLOCKED for one who takes no invitations.
 * Specification: Client-Server API, "Invite permission".
 */
export async function requireInvitable(
  parts: { readonly database: ReadTx; readonly isLocal: (id: string) => boolean },
  userIds: readonly string[],
): Promise<ReadonlyMap<string, LocalUser>> {
  if (userIds.length === 0) return new Map();
  for (const userId of userIds) {
    if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', `"${userId}" is not a user id.`);
    if (!parts.isLocal(userId)) {
      throw new MatrixError('M_INVALID_PARAM', `${userId} is on another server, and this one reaches no others yet.`);
    }
  }
  const users = await findLocalUsers(parts.database, userIds);
  const missing = userIds.find((userId) => !users.has(userId));
  if (missing !== undefined) throw new MatrixError('M_INVALID_PARAM', `There is no user ${missing} on this server.`);
  const nids = Array.from(users.values(), ({ userNid }) => userNid);
  const [blocker] = await findInviteBlockers(parts.database, nids);
  if (blocker !== undefined) {
    const blocked = [...users.values()].find(({ userNid }) => userNid === blocker)?.userId;
    throw new MatrixError('M_INVITE_BLOCKED', `${blocked} does not take invitations.`);
  }
  return users;
}

/** Owns the content of the member events that this server writes. */
import type { JsonObject } from '#matrix/pdu.ts';
import type { LocalUser } from '#storage/rooms/find-local-users.ts';

export type MemberExtras = {
  readonly reason?: string | undefined;
  readonly isDirect?: boolean | undefined;
  /** Whose power lets the user into a restricted room. */
  readonly authorisedVia?: string | undefined;
};

/** Specification: Client-Server API, `m.room.member`. `user` is whose membership it is; their names go in if known. */
export function buildMemberContent(
  membership: string,
  user: Pick<LocalUser, 'displayname' | 'avatarUrl'> | undefined,
  extras: MemberExtras = {},
): JsonObject {
  const { reason, isDirect, authorisedVia } = extras;
  return {
    membership,
    ...(user?.displayname !== undefined && { displayname: user.displayname }),
    ...(user?.avatarUrl !== undefined && { avatar_url: user.avatarUrl }),
    ...(reason !== undefined && { reason }),
    ...(isDirect === true && { is_direct: true }),
    ...(authorisedVia !== undefined && { join_authorised_via_users_server: authorisedVia }),
  };
}

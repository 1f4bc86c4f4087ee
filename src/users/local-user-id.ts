/** Owns making user ids of this server out of the names that people type. */
import { isStrictLocalpart, isUserId } from '#matrix/ids.ts';
import { MatrixError } from '#matrix/error.ts';

/** Names differ by more than their case, so that nobody is mistaken for another: only ASCII has a place in them. */
function lowercase(localpart: string): string {
  return localpart.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/**
 * The user id for a name that somebody wants. Throws M_INVALID_USERNAME.
 * Specification: Appendices, "User Identifiers".
 */
export function requireNewUserId(localpart: string, serverName: string): string {
  const lower = lowercase(localpart);
  const userId = `@${lower}:${serverName}`;
  if (!isStrictLocalpart(lower)) {
    throw new MatrixError('M_INVALID_USERNAME', 'A name consists of the letters a to z, digits and . _ = - / +.');
  }
  if (!isUserId(userId)) {
    throw new MatrixError('M_INVALID_USERNAME', 'The name is too long: a whole user ID has at most 255 characters.');
  }
  return userId;
}

/** What a login names as its user, a localpart or a whole user id, as the id of a user of this server. */
export function findLocalUserId(
  user: string,
  { serverName, isLocal }: { readonly serverName: string; readonly isLocal: (id: string) => boolean },
): string | undefined {
  const userId = user.startsWith('@') ? user : `@${user}:${serverName}`;
  if (!isUserId(userId) || !isLocal(userId)) return undefined;
  const colon = userId.indexOf(':');
  return `${lowercase(userId.slice(0, colon))}${userId.slice(colon)}`;
}

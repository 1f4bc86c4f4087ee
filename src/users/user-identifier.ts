/** Owns how clients name a user when they log in or confirm something. */
import { Type } from 'typebox';
import { MatrixError } from '#matrix/error.ts';

/** The keys of a body that name a user; `user` and `medium` beside the identifier are deprecated. */
export type NamedUser = {
  readonly identifier?: { readonly type?: string; readonly user?: string; readonly medium?: string };
  readonly user?: string;
  readonly medium?: string;
};

/** Specification: Client-Server API, "Identifier types". */
export const namedUserProperties = {
  identifier: Type.Optional(
    Type.Object({
      type: Type.Optional(Type.String()),
      user: Type.Optional(Type.String()),
      medium: Type.Optional(Type.String()),
    }),
  ),
  user: Type.Optional(Type.String()),
  medium: Type.Optional(Type.String()),
};

/**
 * The user id or localpart that is named, or undefined when none is. Throws M_FORBIDDEN for e-mail addresses and phone
 * numbers, which belong to no account here, and M_UNKNOWN for other identifiers.
 */
export function findNamedUser({ identifier, ...deprecated }: NamedUser): string | undefined {
  const { user, medium } = identifier ?? deprecated;
  // The specification's own example of a login by e-mail address has no type.
  const type = identifier?.type ?? (user === undefined && medium !== undefined ? 'm.id.thirdparty' : 'm.id.user');
  if (type === 'm.id.user') return user ?? deprecated.user;
  if (type === 'm.id.thirdparty' || type === 'm.id.phone') {
    // Specification: "In the case that the homeserver does not know about the supplied 3PID, … 403 Forbidden."
    throw new MatrixError('M_FORBIDDEN', 'No account of this server has an e-mail address or a phone number.');
  }
  throw new MatrixError('M_UNKNOWN', 'Users are identified by "m.id.user" on this server.', { status: 400 });
}

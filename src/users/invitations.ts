/** Owns inviting people to the server: tokens with which one person may make an account. */
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { findAccountByNid } from '#storage/users/find-account.ts';
import { persistInvitationToken } from '#storage/users/registration-tokens.ts';

export type InvitationParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly config: { readonly registration: { readonly mode: 'token' | 'open' | 'closed' } };
};

export type Invitation = { readonly token: string; readonly expiresAt: number };

const lifetimeMs = 7 * 24 * 60 * 60 * 1_000;

/**
 * A registration token for one person and seven days. Throws M_FORBIDDEN for those who are no administrators, and where
 * nobody can register.
 */
export async function createInvitation(parts: InvitationParts, userNid: number): Promise<Invitation> {
  const account = await findAccountByNid(parts.database, userNid);
  if (account?.isAdmin !== true) {
    throw new MatrixError('M_FORBIDDEN', 'Only administrators of this server can invite people to it.');
  }
  if (parts.config.registration.mode === 'closed') {
    throw new MatrixError('M_FORBIDDEN', 'Registration is closed: "causeway create-user" makes accounts.');
  }
  const token = randomToken(18);
  const createdAt = parts.clock.now();
  const expiresAt = createdAt + lifetimeMs;
  await persistInvitationToken(parts.database, token, { createdAt, expiresAt });
  return { token, expiresAt };
}

/** Owns OpenID tokens: a service that is given one asks this server whose it is. */
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import { findOpenidUser } from '#storage/users/find-openid-user.ts';
import { persistOpenidToken } from '#storage/users/openid-tokens.ts';
import { hashToken } from '#users/authenticate.ts';

export const OPENID_TOKEN_LIFETIME_S = 3_600;

export type OpenidParts = { readonly database: Database; readonly clock: Clock };

/** Makes a token that is good for an hour and for nothing else. Specification: Client-Server API, "OpenID". */
export async function createOpenidToken({ database, clock }: OpenidParts, userNid: number): Promise<string> {
  const token = randomToken(32);
  const expiresAt = clock.now() + OPENID_TOKEN_LIFETIME_S * 1_000;
  await persistOpenidToken(database, { tokenHash: hashToken(token), userNid, expiresAt });
  return token;
}

/** The user id of a token that is good now. */
export function findOpenidTokenOwner({ database, clock }: OpenidParts, token: string): Promise<string | undefined> {
  return findOpenidUser(database, hashToken(token), clock.now());
}

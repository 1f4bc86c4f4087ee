/** Owns the tokens that allow registration: the configured one and those of the database. */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import { findOldestRegistrationToken, isUsableRegistrationToken } from '#storage/users/find-registration-token.ts';
import { persistRegistrationToken } from '#storage/users/registration-tokens.ts';
import { hashToken } from '#users/authenticate.ts';

export type RegistrationTokenParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly config: { readonly registration: { readonly token?: string | undefined } };
};

/** `configured` tokens have no limit; uses of `stored` ones are counted. */
export type RegistrationTokenVerdict = 'configured' | 'stored' | 'unusable';

/** Whether somebody may register with the token at this moment. */
export async function checkRegistrationToken(
  { database, clock, config }: RegistrationTokenParts,
  token: string,
): Promise<RegistrationTokenVerdict> {
  const configured = config.registration.token;
  // Hashes have the same length, and comparing them tells nothing about the token.
  if (configured !== undefined && timingSafeEqual(hashToken(configured), hashToken(token))) return 'configured';
  // Specification: Appendices, "Opaque Identifiers"; it also keeps from the database what it cannot hold.
  if (!/^[A-Za-z0-9._~-]{1,64}$/.test(token)) return 'unusable';
  return (await isUsableRegistrationToken(database, token, clock.now())) ? 'stored' : 'unusable';
}

/** A token with which people can register: the configured one, else the oldest stored one, else one made now. */
export async function ensureRegistrationToken({ database, clock, config }: RegistrationTokenParts): Promise<string> {
  if (config.registration.token !== undefined) return config.registration.token;
  const stored = await findOldestRegistrationToken(database, clock.now());
  if (stored !== undefined) return stored;
  const token = randomToken(18);
  await persistRegistrationToken(database, token, clock.now());
  return token;
}

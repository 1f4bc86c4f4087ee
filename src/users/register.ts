/** Owns registration by people: who may, by which stages, and the account that comes of it. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database, Tx } from '#storage/database.ts';
import { countRegistrationTokenUse } from '#storage/users/registration-tokens.ts';
import { takeUiaSession } from '#storage/users/uia-sessions.ts';
import type { Authenticator } from '#users/authenticate.ts';
import {
  createAccount,
  generateLocalpart,
  requireAvailableUserId,
  type CreatedAccount,
} from '#users/create-account.ts';
import { requireUpgradableGuest, upgradeGuest } from '#users/guests.ts';
import { requireAcceptablePassword, type PasswordRules } from '#users/passwords.ts';
import { authoriseByUia } from '#users/uia/authorise.ts';
import { checkRegisterStage, selectRegisterFlows, type RegisterAuth } from '#users/uia/register-stages.ts';

export type RegisterParts = PasswordRules & {
  readonly database: Database;
  readonly clock: Clock;
  readonly authenticator: Pick<Authenticator, 'forgetDevices'>;
  readonly config: {
    readonly serverName: string;
    readonly registration: { readonly mode: 'token' | 'open' | 'closed'; readonly token?: string | undefined };
  };
};

export type RegisterRequest = {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Of a guest who becomes a user, under the same name. */
  readonly guestAccessToken: string | undefined;
  readonly auth: RegisterAuth | undefined;
  /** The request without `auth`, as text that is the same when the request is. */
  readonly request: string;
};

/** `challenge` is the body to answer with status 401. */
export type Registration = { readonly account: CreatedAccount } | { readonly challenge: Record<string, unknown> };

/** Throws M_FORBIDDEN when nobody may register. */
export function requireOpenRegistration({ config }: Pick<RegisterParts, 'config'>): void {
  if (config.registration.mode === 'closed') {
    throw new MatrixError('M_FORBIDDEN', 'Registration is closed on this server.');
  }
}

/**
 * Registers somebody, or asks for the next stage. Throws what `createAccount` throws, before it asks for anything where
 * it can, and M_FORBIDDEN when the guest is none, when registration is closed or the registration token was used up meanwhile.
 * Specification: Client-Server API, "Account registration".
 */
export async function register(parts: RegisterParts, request: RegisterRequest): Promise<Registration> {
  requireOpenRegistration(parts);
  const { username, password, guestAccessToken, auth } = request;
  const guest =
    guestAccessToken === undefined ? undefined : await requireUpgradableGuest(parts, guestAccessToken, username);
  if (username !== undefined && guest === undefined) await requireAvailableUserId(parts, username);
  if (password !== undefined) requireAcceptablePassword(parts, password);

  const verdict = await authoriseByUia(parts, {
    operation: 'client.register',
    userNid: 0,
    flows: selectRegisterFlows(parts.config.registration),
    request: request.request,
    auth,
    checkStage: (given) => checkRegisterStage(parts, given),
  });
  if (!verdict.authorised) return { challenge: verdict.challenge };
  // Only now, because clients ask for the flows with an empty request.
  if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "password".');

  const alongside = async (tx: Tx): Promise<void> => {
    const session = await takeUiaSession(tx, verdict.sessionHash);
    if (session === undefined) {
      // Whoever took it registered by the same request, so its name is taken as well.
      throw new MatrixError('M_USER_IN_USE', 'This request has made an account already.');
    }
    const token = session.registrationToken;
    if (token !== null && !(await countRegistrationTokenUse(tx, token, parts.clock.now()))) {
      throw new MatrixError('M_FORBIDDEN', 'The registration token has been used up or has expired.');
    }
  };
  if (guest !== undefined) {
    await upgradeGuest(parts, guest, password, alongside);
    return { account: guest };
  }
  const localpart = username ?? generateLocalpart();
  return { account: await createAccount(parts, { localpart, password }, alongside) };
}

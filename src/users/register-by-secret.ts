/** Owns registration by a shared secret: nonces, and the proof that the secret is known. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { persistUsedNonce } from '#storage/users/uia-sessions.ts';
import { createAccount, type CreatedAccount } from '#users/create-account.ts';
import type { PasswordRules } from '#users/passwords.ts';

export type SecretRegistrationParts = PasswordRules & {
  readonly database: Database;
  readonly clock: Clock;
  readonly config: {
    readonly serverName: string;
    readonly admin: { readonly sharedSecret?: string | undefined };
  };
};

export type SecretRegistration = {
  readonly nonce: string;
  readonly username: string;
  readonly password: string;
  readonly admin: boolean;
  /** Hexadecimal HMAC-SHA1 with the secret over nonce, name, password, and `admin` or `notadmin`, parted by zero bytes. */
  readonly mac: string;
};

const NONCE_LIFETIME_MS = 60_000;

/**
 * A nonce that any process of this server takes, once and for a minute. It carries its own proof, so that asking for
 * nonces fills nothing. Throws M_UNRECOGNIZED where no secret is configured.
 */
export function makeNonce(parts: Pick<SecretRegistrationParts, 'clock' | 'config'>): string {
  const text = `${parts.clock.now() + NONCE_LIFETIME_MS}.${randomToken(16)}`;
  return `${text}.${proveNonce(text, requireSecret(parts))}`;
}

/**
 * Makes the account. Throws M_UNRECOGNIZED where no secret is configured, M_UNKNOWN for a nonce that is not ours, is too
 * old or was used, M_FORBIDDEN for a wrong MAC, and what `createAccount` throws.
 */
export async function registerBySecret(
  parts: SecretRegistrationParts,
  request: SecretRegistration,
): Promise<CreatedAccount> {
  const secret = requireSecret(parts);
  requireLiveNonce(parts, request.nonce, secret);
  const words = [request.nonce, request.username, request.password, request.admin ? 'admin' : 'notadmin'];
  const expected = createHmac('sha1', secret).update(words.join('\0')).digest();
  if (!isSame(Buffer.from(request.mac, 'hex'), expected)) {
    throw new MatrixError('M_FORBIDDEN', 'The MAC does not fit this request: another secret, or other values.');
  }
  const { username, password, admin } = request;
  return createAccount(parts, { localpart: username, password, admin }, async (tx) => {
    const usedAt = parts.clock.now();
    if (!(await persistUsedNonce(tx, request.nonce, usedAt))) throw uselessNonce();
  });
}

function requireSecret({ config }: Pick<SecretRegistrationParts, 'config'>): string {
  const { sharedSecret } = config.admin;
  if (sharedSecret === undefined) {
    throw new MatrixError('M_UNRECOGNIZED', 'This server registers nobody by a shared secret.');
  }
  return sharedSecret;
}

function requireLiveNonce({ clock }: Pick<SecretRegistrationParts, 'clock'>, nonce: string, secret: string): void {
  const [expiresAt = '', random = '', proof = ''] = nonce.split('.');
  const expected = proveNonce(`${expiresAt}.${random}`, secret);
  const isOurs = isSame(Buffer.from(nonce), Buffer.from(`${expiresAt}.${random}.${expected}`)) && proof !== '';
  if (!isOurs || clock.now() > Number(expiresAt)) throw uselessNonce();
}

// The label keeps this apart from the MAC of a request, which is made with the same secret.
function proveNonce(text: string, secret: string): string {
  return createHmac('sha256', secret).update(`nonce\0${text}`).digest('base64url');
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function uselessNonce(): MatrixError {
  return new MatrixError('M_UNKNOWN', 'The nonce is unknown, too old or used: ask for a new one by GET.', {
    status: 400,
  });
}

/** Owns passwords: their rules, their hashes, and how many are hashed at the same time. */
import { randomBytes } from 'node:crypto';
import { argon2id, hash, verify } from 'argon2';
import { MatrixError } from '#matrix/error.ts';

const PASSWORD_BYTES_MAX = 512;

/** Argon2id with 19 MiB: what OWASP's password storage cheat sheet asks for at least. */
const cost = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1, hashLength: 32 } as const;

/** Hashing runs on the four threads that Node.js also reads files with, so two of them stay free. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING_MAX = 200;

/** What the operator asks of passwords. */
export type PasswordRules = { readonly config: { readonly passwords: { readonly lengthMin: number } } };

/** Passes a password that may be given to an account. Throws M_WEAK_PASSWORD or M_INVALID_PARAM. */
export function requireAcceptablePassword({ config }: PasswordRules, password: string): void {
  const { lengthMin } = config.passwords;
  if (password.length < lengthMin) {
    throw new MatrixError('M_WEAK_PASSWORD', `The password must have at least ${lengthMin} characters.`);
  }
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) {
    throw new MatrixError('M_INVALID_PARAM', `The password must have at most ${PASSWORD_BYTES_MAX} bytes.`);
  }
}

/** Runs a task when its turn comes. Throws M_LIMIT_EXCEEDED with status 503 when too many wait. */
export type TakeTurn = <T>(task: () => Promise<T>) => Promise<T>;

/** Lets `atOnce` tasks run at the same time, and `waitingMax` wait in their order. */
export function createTurns(atOnce: number, waitingMax: number): TakeTurn {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running < atOnce) running += 1;
    else if (waiting.length < waitingMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many are logging in just now: try again in a moment.', {
        status: 503,
        fields: { retry_after_ms: 2_000 },
      });
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // A turn that is passed on stays counted.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

// The threads belong to the process, and so do the turns on them.
const takeTurn = createTurns(HASHES_AT_ONCE, HASHES_WAITING_MAX);

/** The hash of a password, with its salt and cost. Throws as `TakeTurn` does. */
export function hashPassword(password: string): Promise<string> {
  return takeTurn(() => hash(password, cost));
}

/** Fits no password; checking it costs what checking a real one does. */
const decoyHash = `$argon2id$v=19$m=${cost.memoryCost},p=${cost.parallelism},t=${cost.timeCost}$${unpaddedBase64(16)}$${unpaddedBase64(cost.hashLength)}`;

function unpaddedBase64(bytes: number): string {
  return randomBytes(bytes).toString('base64').replaceAll('=', '');
}

/**
 * Whether the password is the one of the hash. Without a hash (nobody has that name, or no password is set) the answer
 * is no, after the same time. Throws as `TakeTurn` does.
 */
export function checkPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  // Whoever the account is, so this tells nothing about it.
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) return Promise.resolve(false);
  return takeTurn(async () => (await verify(passwordHash ?? decoyHash, password)) && passwordHash !== undefined);
}

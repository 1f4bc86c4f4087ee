/** Owns how many wrong passwords may be tried for one account, from wherever they come. */
import type { Clock } from '#core/clock.ts';
import { createTokenBuckets, type BucketSize } from '#core/token-buckets.ts';
import { MatrixError } from '#matrix/error.ts';
import { checkPassword } from '#users/passwords.ts';

const ACCOUNTS_MAX = 100_000;

export type PasswordAttempts = {
  /**
   * Whether the password is that of the account, as `checkPassword` judges it. Throws M_LIMIT_EXCEEDED before it judges
   * when too many were wrong of late. `userId` need not exist: whether it does must not show.
   */
  readonly check: (userId: string, passwordHash: string | undefined, password: string) => Promise<boolean>;
};

/** The counts of one process. Right passwords count for nothing. */
export function createPasswordAttempts(
  limits: { readonly enabled: boolean; readonly wrongPasswords: BucketSize },
  clock: Clock,
): PasswordAttempts {
  const buckets = createTokenBuckets(limits.wrongPasswords, clock, ACCOUNTS_MAX);
  return {
    async check(userId, passwordHash, password) {
      // Taken before the check, so that a hundred at once are counted as they begin.
      const waitMs = limits.enabled ? buckets.take(userId) : 0;
      if (waitMs > 0) {
        throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many wrong passwords: wait before you try again.', {
          fields: { retry_after_ms: waitMs },
        });
      }
      const fits = await checkPassword(passwordHash, password);
      if (fits) buckets.giveBack(userId);
      return fits;
    },
  };
}

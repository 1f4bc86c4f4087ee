/** Owns reading refresh tokens. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StoredRefreshToken = {
  readonly userNid: number;
  readonly deviceNid: number;
  readonly generation: number;
  readonly isRevoked: boolean;
  readonly isLocked: boolean;
};

const selectRefreshToken = statement<StoredRefreshToken>(
  'select_refresh_token',
  `select t.user_nid as "userNid", t.device_nid as "deviceNid", t.generation, t.is_revoked as "isRevoked",
      a.locked_at is not null as "isLocked"
   from refresh_tokens t join accounts a on a.user_nid = t.user_nid
   where t.token_hash = $1 and a.deactivated_at is null`,
);

export async function findRefreshToken(db: ReadTx, tokenHash: Buffer): Promise<StoredRefreshToken | undefined> {
  const [token] = await db.query(selectRefreshToken, [tokenHash]);
  return token;
}

/** Owns reading whose an access token is. */
import { statement, type ReadTx } from '#storage/database.ts';

/** The device of a token and the state of its account. Times are milliseconds since the Unix epoch. */
export type TokenOwner = {
  readonly userNid: number;
  readonly userId: string;
  readonly deviceNid: number;
  readonly deviceId: string;
  readonly lastSeenAt: number | null;
  readonly isLocked: boolean;
  readonly isSuspended: boolean;
  readonly isGuest: boolean;
  /** Null for a token that never expires. */
  readonly expiresAt: number | null;
  /** It comes from a refresh, and its first use ends the tokens before it. */
  readonly isUnused: boolean;
};

const selectTokenOwner = statement<TokenOwner>(
  'select_token_owner',
  `select u.user_nid as "userNid", u.user_id as "userId", d.device_nid as "deviceNid", d.device_id as "deviceId",
      d.last_seen_at as "lastSeenAt", a.locked_at is not null as "isLocked", a.suspended_at is not null as "isSuspended",
      a.is_guest as "isGuest", t.expires_at as "expiresAt", t.is_unused as "isUnused"
   from access_tokens t
   join devices d on d.device_nid = t.device_nid
   join accounts a on a.user_nid = t.user_nid
   join users u on u.user_nid = t.user_nid
   where t.token_hash = $1 and a.deactivated_at is null`,
);

/** The owner of a token, of an expired one too. */
export async function findTokenOwner(db: ReadTx, tokenHash: Buffer): Promise<TokenOwner | undefined> {
  const [owner] = await db.query(selectTokenOwner, [tokenHash]);
  return owner;
}

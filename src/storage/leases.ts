/** Owns leases: the right of one process to do a piece of work for some seconds, and the number that proves it. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

export type LeaseName = { readonly kind: string; readonly shard: string };

// By the database's clock, so that the processes need not agree about the time.
const takeLease = statement<{ fence: number }>(
  'take_lease',
  `insert into leases as l (kind, shard, owner, fence, until)
   values ($1, $2, $3, 1, (extract(epoch from clock_timestamp()) * 1000)::bigint + $4::bigint)
   on conflict (kind, shard) do update set owner = excluded.owner, until = excluded.until,
     fence = l.fence + case when l.owner = excluded.owner then 0 else 1 end
   where l.owner = excluded.owner or l.until < (extract(epoch from clock_timestamp()) * 1000)::bigint
   returning fence`,
);
const giveUpLease = statement<unknown>(
  'give_up_lease',
  'update leases set until = 0 where kind = $1 and shard = $2 and owner = $3',
);
const lockFence = statement<{ fence: number }>(
  'lock_lease_fence',
  'select fence from leases where kind = $1 and shard = $2 and fence = $3 for share',
);

/** Takes or renews a lease; the fence grows with each change of owner. Undefined while somebody else holds it. */
export async function persistLease(
  db: ReadTx,
  { kind, shard }: LeaseName,
  owner: string,
  durationMs: number,
): Promise<number | undefined> {
  return (await db.query(takeLease, [kind, shard, owner, durationMs]))[0]?.fence;
}

/**
 * Whether the lease is still the one that this fence was given with, asked in the transaction of every effect: a process that
 * was paused beyond its lease finds it taken over. Nobody takes it over before the transaction ends.
 */
export async function lockLease(tx: Tx, { kind, shard }: LeaseName, fence: number): Promise<boolean> {
  return (await tx.query(lockFence, [kind, shard, fence])).length === 1;
}

/** Lets the next process have it at once. */
export async function persistLeaseEnd(db: ReadTx, { kind, shard }: LeaseName, owner: string): Promise<void> {
  await db.query(giveUpLease, [kind, shard, owner]);
}

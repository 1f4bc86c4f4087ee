/** Owns leases: the right of one process to do a piece of work for some seconds, and the number that proves it. */
import { statement, type ReadTx } from '#storage/database.ts';

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

/** Takes or renews a lease; the fence grows with each change of owner. Undefined while somebody else holds it. */
export async function persistLease(
  db: ReadTx,
  { kind, shard }: LeaseName,
  owner: string,
  durationMs: number,
): Promise<number | undefined> {
  return (await db.query(takeLease, [kind, shard, owner, durationMs]))[0]?.fence;
}

/** Lets the next process have it at once. */
export async function persistLeaseEnd(db: ReadTx, { kind, shard }: LeaseName, owner: string): Promise<void> {
  await db.query(giveUpLease, [kind, shard, owner]);
}

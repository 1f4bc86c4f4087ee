/** Owns changing presence beside what is written with a position. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';
import { presenceColumns, type StoredPresence } from '#storage/streams/find-presence.ts';

export type Sighting = {
  readonly userNid: number;
  readonly connectedUntil: number;
  readonly lastActiveAt: number;
};

const noteSightings = statement<{ user_nid: number; presence: string }>(
  'note_presence_sightings',
  `update presence p set connected_until = greatest(p.connected_until, s.connected_until),
     last_active_at = greatest(p.last_active_at, s.last_active_at)
   from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as s(user_nid, connected_until, last_active_at)
   where p.user_nid = s.user_nid returning p.user_nid, p.presence`,
);

/** Notes that users are still there, which is no news to anybody. Gives those of them who are not taken for gone. */
export async function persistSightings(db: ReadTx, sightings: readonly Sighting[]): Promise<ReadonlySet<number>> {
  // In one order everywhere, so that two processes that write at once wait for each other instead of for ever.
  const ordered = sightings.toSorted((one, other) => one.userNid - other.userNid);
  const rows = await db.query(noteSightings, [
    ordered.map((sighting) => sighting.userNid),
    ordered.map((sighting) => sighting.connectedUntil),
    ordered.map((sighting) => sighting.lastActiveAt),
  ]);
  return new Set(rows.filter(({ presence }) => presence !== 'offline').map((row) => row.user_nid));
}

// By presence_connected_index and presence_active_index. Who of other servers is idle those servers say.
const lockStale = statement<StoredPresence>(
  'lock_stale_presence',
  `select ${presenceColumns} from presence
   where (presence <> 'offline' and connected_until < $1)
     or (presence = 'online' and last_active_at < $2
       and exists (select from accounts a where a.user_nid = presence.user_nid))
   limit $3 for update skip locked`,
);

/** Users who have gone or been idle, whom no other process is seeing to. */
export function lockStalePresence(
  tx: Tx,
  before: { readonly connected: number; readonly active: number },
  limit: number,
): Promise<StoredPresence[]> {
  return tx.query(lockStale, [before.connected, before.active, limit]);
}

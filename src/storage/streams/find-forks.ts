/** Owns the reads about events on old heads: what happened to the room's state with them. */
import { statement, type ReadTx } from '#storage/database.ts';

export type ForkRow = {
  readonly room_nid: number;
  readonly pos: number;
  /** The room's state before and after the event. */
  readonly root_before: number;
  readonly root_after: number;
  readonly room_order: number;
  /** Whether events were missing before it when it came. */
  readonly has_gap: boolean;
};

// Heads of resolutions are few; both look-ups go by the index on heads that change the state. Rows do not lie in the order of
// positions: each connection fills pages of its own.
const forks = statement<ForkRow>(
  'find_forks',
  `select w.room_nid, h.pos, h.last_order as room_order, h.cause = 5 as has_gap, h.state_root as root_after, coalesce((
     select b.state_root from room_heads b
     where b.room_nid = w.room_nid and b.pos < h.pos and b.cause <> 0 order by b.pos desc limit 1
   ), 0) as root_before
   from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as w(room_nid, after, up_to)
   join room_heads h on h.room_nid = w.room_nid and h.pos > w.after and h.pos <= w.up_to and h.cause in (2, 5)
   order by h.room_nid, h.pos`,
);

/** The events on old heads within the windows, at positions with after < pos ≤ upTo, each room's in the order of positions. */
export function findForks(
  db: ReadTx,
  windows: readonly { readonly roomNid: number; readonly after: number; readonly upTo: number }[],
): Promise<ForkRow[]> {
  if (windows.length === 0) return Promise.resolve([]);
  return db.query(forks, [
    windows.map((window) => window.roomNid),
    windows.map((window) => window.after),
    windows.map((window) => window.upTo),
  ]);
}

// The local users of the room, each by the key of the log.
const forkMembers = statement<{ user_id: string; membership: number }>(
  'find_fork_members',
  `select u.user_id, m.membership from user_rooms r
   join membership_log m on m.user_nid = r.user_nid and m.pos = $2
   join users u on u.user_nid = m.user_nid
   where r.room_nid = $1`,
);

/** The local users whose membership changed with the event at this position. */
export async function findForkMembers(
  db: ReadTx,
  roomNid: number,
  pos: number,
): Promise<{ readonly userId: string; readonly membership: number }[]> {
  const rows = await db.query(forkMembers, [roomNid, pos]);
  return rows.map((row) => ({ userId: row.user_id, membership: row.membership }));
}

/** Owns reading how far the four streams beside events are, and what changed in them. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';
import { PRESENCE_MEMBERS_MAX } from '#storage/streams/find-presence.ts';

export type ChangeRow = {
  readonly pos: number;
  readonly kind:
    | 'accountData'
    | 'receipts'
    | 'privateReceipts'
    | 'completedRooms'
    | 'toDevice'
    | 'deviceLists'
    | 'deviceKeys'
    | 'trust'
    | 'typing'
    | 'presence';
  readonly user_nid: number;
  /** 0 where there is none. */
  readonly room_nid: number;
  readonly device_nid: number;
  /** Rooms whose members are to hear of it. */
  readonly audience: number[];
};

/** Who is in more rooms is not seen in all of them. */
const PRESENCE_ROOMS_MAX = 200;

const joined = 2;
/** The rooms in which user `u` may be, as their server is in them and not all of their members are known. */
const maybeRooms = `select p.room_nid from partial_rooms p join room_servers s on s.room_nid = p.room_nid
            and s.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)`;
// Each part has an index that begins with `pos`, and touches at most `limit` rows.
const changesOfStream: Readonly<Record<number, ReturnType<typeof statement<ChangeRow>>>> = {
  2: statement(
    'find_user_data_changes',
    `(select pos, 'accountData' as kind, user_nid, room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience
      from account_data where pos > $1 order by pos limit $2)
     union all
     (select pos, case receipt_type when 'm.read.private' then 'privateReceipts' else 'receipts' end, user_nid, room_nid,
        0, '{}' from receipts where pos > $1 order by pos limit $2)
     union all
     (select pos, 'completedRooms', user_nid, room_nid, 0, '{}' from completed_rooms where pos > $1 order by pos limit $2)
     order by pos limit $2`,
  ),
  3: statement(
    'find_to_device_changes',
    `select pos, 'toDevice' as kind, user_nid, 0::bigint as room_nid, device_nid, '{}'::bigint[] as audience
     from to_device_messages where pos > $1 order by pos limit $2`,
  ),
  4: statement(
    'find_device_list_changes',
    `(select c.pos, 'deviceLists' as kind, c.user_nid, 0::bigint as room_nid, 0::bigint as device_nid,
        array(
          select room_nid from user_rooms m where m.user_nid = c.user_nid and m.membership = ${joined}
          union all
          select m.room_nid from users u join remote_members m on m.user_id = u.user_id where u.user_nid = c.user_nid
          union all
          select r.room_nid from users u, lateral (${maybeRooms}) r where u.user_nid = c.user_nid
        ) as audience
      from device_list_changes c where c.pos > $1 order by c.pos limit $2)
     union all
     (select pos, 'deviceKeys', user_nid, 0, device_nid, '{}' from device_key_changes
      where pos > $1 order by pos limit $2)
     union all
     (select pos, 'trust', user_nid, 0, 0, '{}' from trust_changes where pos > $1 order by pos limit $2)
     order by pos limit $2`,
  ),
  5: statement(
    'find_ephemeral_changes',
    `(select pos, 'typing' as kind, user_nid, room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience
      from typing where pos > $1 order by pos limit $2)
     union all
     (select p.pos, 'presence', p.user_nid, 0, 0, array(
        select m.room_nid from (
          select room_nid from user_rooms where user_nid = p.user_nid and membership = ${joined}
          union all
          select r.room_nid from users u join remote_members r on r.user_id = u.user_id where u.user_nid = p.user_nid
          union all
          select r.room_nid from users u, lateral (${maybeRooms}) r where u.user_nid = p.user_nid
        ) m join room_summary s on s.room_nid = m.room_nid
        where s.joined_count <= ${PRESENCE_MEMBERS_MAX} limit ${PRESENCE_ROOMS_MAX})
      from presence p where p.pos > $1 order by p.pos limit $2)
     order by pos limit $2`,
  ),
};

/** The changes of a stream after a position, in order, as many as `limit`. */
export function findChanges(db: ReadTx, stream: number, after: number, limit: number): Promise<ChangeRow[]> {
  const changes = changesOfStream[stream];
  if (changes === undefined) throw new Error(`There is no stream ${stream}.`);
  return db.query(changes, [after, limit]);
}

const settledPosition = statement<{ pos: number }>('settled_position', 'select settled_position($1) as pos');
const lockStream = statement<{ pos: number }>('lock_stream', 'select lock_stream($1) as pos');

/** A position up to which everything is committed: it waits for the flush under way, if there is one. */
export async function findSettledPosition(db: ReadTx, stream: number): Promise<number> {
  const [row] = await db.query(settledPosition, [stream]);
  if (row === undefined) throw new Error(`Stream ${stream} has no position.`);
  return row.pos;
}

/** Locks a stream until the transaction ends; gives the last position taken. Streams are locked in ascending order. */
export async function lockStreamIn(tx: Tx, stream: number): Promise<number> {
  const [row] = await tx.query(lockStream, [stream]);
  if (row === undefined) throw new Error(`Stream ${stream} was not locked.`);
  return row.pos;
}

const newestPositions = statement<{ positions: number[] }>(
  'find_newest_positions',
  `select array[(select coalesce(max(pos), 0) from events where pos is not null), stream_position(2), stream_position(3),
     stream_position(4), stream_position(5)] as positions`,
);

/** The last position taken in each of the five streams, committed or not, but for events, where it is committed. */
export async function findNewestPositions(db: ReadTx): Promise<readonly number[]> {
  const [row] = await db.query(newestPositions, []);
  return row?.positions ?? [];
}

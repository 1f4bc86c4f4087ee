/** Owns the events of other servers that were taken and are not worked through yet: they outlive the process. */
import { statement, type ReadTx } from '#storage/database.ts';

/** An event that passed every check which it alone can pass. */
export type StagedRow = {
  readonly stagingNid: number;
  /** The server that sent it, which need not be the sender's. */
  readonly origin: string;
  readonly roomId: string;
  readonly eventId: string;
  readonly json: string;
  /** How often what it builds on could not be had. */
  readonly attempts: number;
};

export const stagedColumns = `staging_nid as "stagingNid", origin, room_id as "roomId", event_id as "eventId", json, attempts`;

// By inbound_staging_due_at_index. Rows that another process is just claiming are left to it.
const claimDue = statement<StagedRow>(
  'claim_inbound_staging',
  `update inbound_staging set due_at = $2, lacks = '{}' where staging_nid = any(array(
     select staging_nid from inbound_staging where due_at <= $1 order by due_at, staging_nid limit $3 for update skip locked
   )) returning ${stagedColumns}`,
);

/** Takes events that are due; nobody else takes them before `dueAt`. */
export async function claimStaged(
  db: ReadTx,
  { now, dueAt, limit }: { readonly now: number; readonly dueAt: number; readonly limit: number },
): Promise<StagedRow[]> {
  const rows = await db.query(claimDue, [now, dueAt, limit]);
  return rows.toSorted((one, other) => one.stagingNid - other.stagingNid);
}

const deleteRows = statement<never>(
  'delete_inbound_staging',
  'delete from inbound_staging where staging_nid = any($1::bigint[])',
);

/** Removes what cannot be worked through. */
export async function deleteStaged(db: ReadTx, stagingNids: readonly number[]): Promise<void> {
  if (stagingNids.length > 0) await db.query(deleteRows, [stagingNids]);
}

const postponeRow = statement<never>(
  'postpone_inbound_staging',
  'update inbound_staging set due_at = $2, attempts = $3, lacks = $4 where staging_nid = $1',
);

/** Puts an event off, or until one of those comes that it `lacks`. */
export async function postponeStaged(
  db: ReadTx,
  {
    stagingNid,
    dueAt,
    attempts,
    lacks,
  }: Pick<StagedRow, 'stagingNid' | 'attempts'> & {
    readonly dueAt: number;
    readonly lacks: readonly string[];
  },
): Promise<void> {
  await db.query(postponeRow, [stagingNid, dueAt, attempts, lacks]);
}

// By the key, and by inbound_staging_room_id_index: the room's events that wait, which are mostly none.
const finishRows = statement<never>(
  'finish_inbound_staging',
  `with done as (delete from inbound_staging where staging_nid = any($1::bigint[]))
   update inbound_staging set due_at = least(due_at, $4), lacks = '{}' where room_id = $2 and lacks && $3::text[]`,
);

/**
 * Removes what has been worked through of a room. Events that were put off for want of `eventIds`, which are here now, are due
 * at `dueAt`; each of them is told so once.
 */
export async function finishStaged(
  db: ReadTx,
  come: {
    readonly roomId: string;
    readonly stagingNids: readonly number[];
    readonly eventIds: readonly string[];
    readonly dueAt: number;
  },
): Promise<void> {
  const { stagingNids, roomId, eventIds, dueAt } = come;
  if (stagingNids.length > 0 || eventIds.length > 0) await db.query(finishRows, [stagingNids, roomId, eventIds, dueAt]);
}

// By inbound_staging_room_id_index.
const selectByIds = statement<StagedRow>(
  'select_inbound_staging_by_ids',
  `select ${stagedColumns} from inbound_staging where room_id = $1 and event_id = any($2::text[])`,
);

/** Those of the room's events that wait here. */
export function findStaged(db: ReadTx, roomId: string, eventIds: readonly string[]): Promise<StagedRow[]> {
  return eventIds.length === 0 ? Promise.resolve([]) : db.query(selectByIds, [roomId, eventIds]);
}

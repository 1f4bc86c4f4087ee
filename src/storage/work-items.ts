/** Owns the table of work that one folder asks of another: asked for in a transaction, done after it, by any process. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** Kinds of work, each with one runner. */
export type WorkKind =
  | 'account_deactivated'
  | 'device_list_resync'
  | 'devices_shared'
  | 'profile_changed'
  | 'guest_access_ended'
  | 'room_purge'
  | 'state_collection';

/** There is one item of a kind and key: to ask again while it waits changes its payload alone. */
export type NewWorkItem = {
  readonly kind: WorkKind;
  readonly key: string;
  /** JSON text. */
  readonly payload: string;
};

// The attempts are the fence: whoever works on the item finds them changed, and leaves it to be done once more. An
// item that failed is due at once again; one that is being worked on stays where it is.
const upsertItem = statement<never>(
  'upsert_work_item',
  `insert into work_items as w (kind, work_key, payload, due_at)
   select g.*, $4::bigint from unnest($1::text[], $2::text[], $3::text[]) as g
   on conflict (kind, work_key) do update set payload = excluded.payload, attempts = 0, last_error = null,
     due_at = case when w.last_error is null then w.due_at else excluded.due_at end`,
);

/** Asks for work from `now` on (milliseconds since the Unix epoch), once the transaction commits. */
export function persistWorkItem(tx: Tx, item: NewWorkItem, now: number): Promise<void> {
  return persistWorkItems(tx, [item], now);
}

/** The same for several, of different keys. */
export async function persistWorkItems(tx: Tx, items: readonly NewWorkItem[], now: number): Promise<void> {
  await tx.query(upsertItem, [
    items.map(({ kind }) => kind),
    items.map(({ key }) => key),
    items.map(({ payload }) => payload),
    now,
  ]);
}

export type ClaimedWorkItem = {
  readonly workNid: number;
  readonly kind: WorkKind;
  readonly key: string;
  readonly payload: string;
  /** How often it has been claimed since it was asked for: the fence of whoever works on it. */
  readonly attempts: number;
};

const claimItem = statement<ClaimedWorkItem>(
  'claim_work_item',
  `update work_items set attempts = attempts + 1, due_at = $3, last_error = null
   where work_nid = (
     select work_nid from work_items where kind = any($1::text[]) and due_at <= $2
     order by due_at limit 1 for update skip locked)
   returning work_nid as "workNid", kind, work_key as "key", payload, attempts`,
);

/** Takes the item of these kinds that has been due longest; nobody else takes it before `until`. */
export async function claimWorkItem(
  db: ReadTx,
  kinds: readonly WorkKind[],
  now: number,
  until: number,
): Promise<ClaimedWorkItem | undefined> {
  return (await db.query(claimItem, [kinds, now, until]))[0];
}

type Fence = Pick<ClaimedWorkItem, 'workNid' | 'attempts'>;

const updateProgress = statement<{ work_nid: number }>(
  'update_work_item_progress',
  `update work_items set payload = $3, due_at = $4 where work_nid = $1 and attempts = $2 returning work_nid`,
);

/** Notes how far the work is and keeps it until `until`. False when it was asked for anew meanwhile. */
export async function persistWorkProgress(db: ReadTx, fence: Fence, payload: string, until: number): Promise<boolean> {
  return (await db.query(updateProgress, [fence.workNid, fence.attempts, payload, until])).length === 1;
}

const deleteItem = statement<{ work_nid: number }>(
  'delete_work_item',
  'delete from work_items where work_nid = $1 and attempts = $2 returning work_nid',
);

/** Removes work that is done. False when it was asked for anew meanwhile. */
export async function deleteWorkItem(db: ReadTx, { workNid, attempts }: Fence): Promise<boolean> {
  return (await db.query(deleteItem, [workNid, attempts])).length === 1;
}

const releaseItem = statement<never>(
  'release_work_item',
  'update work_items set due_at = $2, last_error = $3 where work_nid = $1',
);

/** Gives the item back, to be taken again from `dueAt` on. */
export async function releaseWorkItem(
  db: ReadTx,
  workNid: number,
  dueAt: number,
  lastError: string | undefined,
): Promise<void> {
  await db.query(releaseItem, [workNid, dueAt, lastError ?? null]);
}

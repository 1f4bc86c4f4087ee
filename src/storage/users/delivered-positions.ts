/** Owns writing up to where devices have had events. */
import { statement, type ReadTx } from '#storage/database.ts';

const update = statement<never>(
  'update_delivered_positions',
  `update devices d set delivered_position = r.pos from unnest($1::bigint[], $2::bigint[]) as r(device_nid, pos)
   where d.device_nid = r.device_nid and (d.delivered_position is null or d.delivered_position < r.pos)`,
);

/** Moves the positions of devices forwards, all in one statement. */
export async function persistDeliveredPositions(db: ReadTx, positions: ReadonlyMap<number, number>): Promise<void> {
  // In ascending order, so that two processes that write at once wait for each other instead of for ever.
  const entries = [...positions].toSorted(([one], [other]) => one - other);
  await db.query(update, [entries.map(([deviceNid]) => deviceNid), entries.map(([, pos]) => pos)]);
}

/** Owns asking that a list of devices be asked for anew, off the way of any request. */
import type { Tx } from '#storage/database.ts';
import { markListStale } from '#storage/users/remote/remote-device-lists.ts';
import { persistWorkItem } from '#storage/work-items.ts';

export type ResyncPayload = { readonly userId: string };

/** From the commit on the list is not used, whatever becomes of the work. */
export async function askForResync(
  tx: Tx,
  { userId, userNid }: { readonly userId: string; readonly userNid: number },
  now: number,
): Promise<void> {
  await markListStale(tx, userNid);
  const payload: ResyncPayload = { userId };
  await persistWorkItem(tx, { kind: 'device_list_resync', key: userId, payload: JSON.stringify(payload) }, now);
}

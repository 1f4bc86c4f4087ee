/** Owns asking for the collection of a room's state nodes, which is done later in the background. */
import type { Tx } from '#storage/database.ts';
import { persistWorkItem } from '#storage/work-items.ts';

/** What was asked for at another time is another collection: it has to begin anew. */
export type CollectionPayload = { readonly roomNid: number; readonly askedAt: number };

/** However often a room's states are removed or replaced, it is collected no more often than this. */
const COLLECTION_DELAY_MS = 3_600_000;

/**
 * For whoever writes nodes that no state needs, or removes or replaces a root; the latter must also move the room's head
 * in the same transaction (decision 0031).
 */
export async function askForCollection(
  tx: Tx,
  { roomNid, roomId }: { readonly roomNid: number; readonly roomId: string },
  now: number,
): Promise<void> {
  const payload: CollectionPayload = { roomNid, askedAt: now };
  const item = { kind: 'state_collection', key: roomId, payload: JSON.stringify(payload) } as const;
  await persistWorkItem(tx, item, now + COLLECTION_DELAY_MS);
}

/** Owns who types, in a sync: one `m.typing` for each room where that changed. */
import { findRoomsWithTypingChanges, findTypists } from '#storage/streams/find-typing.ts';
import type { RoomExtras } from '#sync/room-extras.ts';
import type { RoomPlan } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';

/** Adds who types to their rooms; of rooms that are new to the client, to those where somebody does. */
export async function addTyping(
  { database, streams, clock }: SyncParts,
  { filter, since, horizons }: SyncWindow,
  plans: readonly RoomPlan[],
  extras: RoomExtras,
): Promise<void> {
  const wanted = plans.filter(({ section, roomId }) => section === 'join' && filter.ephemeral.hasRoom(roomId));
  if (wanted.length === 0 || !filter.ephemeral.matches('m.typing')) return;
  const after = since?.[4] ?? 0;
  const roomNids = wanted.map(({ roomNid }) => roomNid);
  const { ephemeral } = streams;
  let changed: readonly number[] = [];
  if (since !== undefined && after < horizons[4]) {
    changed = ephemeral.reachesBackTo(after)
      ? roomNids.filter((roomNid) => ephemeral.hasSince('typing', roomNid, after))
      : await findRoomsWithTypingChanges(database, roomNids, after);
  }
  const isNew = ({ full }: RoomPlan): boolean => full || since === undefined;
  const fresh = wanted.filter(isNew).map(({ roomNid }) => roomNid);
  const typists = await findTypists(database, [...changed, ...fresh], clock.now());
  for (const roomNid of new Set([...changed, ...typists.keys()])) {
    const userIds = typists.get(roomNid) ?? [];
    extras.addEphemeral(roomNid, `{"type":"m.typing","content":${JSON.stringify({ user_ids: userIds })}}`);
  }
}

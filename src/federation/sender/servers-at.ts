/** Owns which servers were in a room at a state that it had, told by what that state and the present one differ by. */
import { serverNameOf } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import type { RoomServersNow } from '#storage/rooms/find-outgoing-events.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findUsersJoinedBy } from '#storage/streams/find-shared-users.ts';

export type StateParts = { readonly database: ReadTx; readonly tries: Pick<StateTries, 'diff'> };

/** A room with the root of a state that it had, undefined if that is not known; 0 is the state before there was any. */
export type RoomPlace = { readonly roomNid: number; readonly root: number | undefined };

/** By server how many of its users were joined, 0 or less for none; those of now where either state is not known. */
export async function findServersAt(
  parts: StateParts,
  { roomNid, root }: RoomPlace,
  now: RoomServersNow,
): Promise<ReadonlyMap<string, number>> {
  if (root === 0) return new Map();
  if (root === undefined || root === now.root || now.root === 0) return now.joined;
  const changes = await parts.tries.diff(parts.database, roomNid, root, now.root);
  const joined = new Map(now.joined);
  const add = async (eventNids: readonly number[], difference: 1 | -1): Promise<void> => {
    for (const userId of await findUsersJoinedBy(parts.database, eventNids)) {
      const name = serverNameOf(userId) ?? '';
      joined.set(name, (joined.get(name) ?? 0) + difference);
    }
  };
  const before = changes.flatMap((change) => change.before ?? []);
  const after = changes.flatMap((change) => change.after ?? []);
  await add(before, 1);
  await add(after, -1);
  return joined;
}

/** Owns which servers were in a room at a state that it had, told by what that state and the present one differ by. */
import { serverNameOf } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import type { RoomServersNow } from '#storage/rooms/find-outgoing-events.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findMemberEvents } from '#storage/streams/find-shared-users.ts';

export type StateParts = { readonly database: ReadTx; readonly tries: Pick<StateTries, 'diff'> };

/** A room with the root of a state that it had, undefined if that is not known; 0 is the state before there was any. */
export type RoomPlace = { readonly roomNid: number; readonly root: number | undefined };

/** Events read at once: each brings its text. */
const EVENTS_AT_ONCE = 1_000;

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
    for (const name of await findJoins(parts.database, eventNids)) {
      joined.set(name, (joined.get(name) ?? 0) + difference);
    }
  };
  const before = changes.flatMap((change) => change.before ?? []);
  const after = changes.flatMap((change) => change.after ?? []);
  await add(before, 1);
  await add(after, -1);
  return joined;
}

/** The servers of the users whom these events join, once for each. */
async function findJoins(database: ReadTx, eventNids: readonly number[]): Promise<string[]> {
  const names: string[] = [];
  for (let start = 0; start < eventNids.length; start += EVENTS_AT_ONCE) {
    const nids = eventNids.slice(start, start + EVENTS_AT_ONCE);
    for (const { user_id: userId, json } of await findMemberEvents(database, nids)) {
      const { content }: { content: { membership?: unknown } } = JSON.parse(json);
      if (content.membership === 'join') names.push(serverNameOf(userId) ?? '');
    }
  }
  return names;
}

/** Owns what of a room's state a joining server needs at once, if it will fetch the members later. */
import { heroesFor, refillHeroes } from '#rooms/heroes.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { findChain, type StateWithChain } from '#rooms/serve/state-pieces.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findOtherKeys } from '#storage/rooms/find-server-members.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import { findMemberKeyNids, findRoomSummaries } from '#storage/streams/find-sync-state.ts';

/** `membersOmitted`: whether the state has more members than these. */
export type ReducedState = StateWithChain & { readonly membersOmitted: boolean };

/**
 * The state before a join without its members, except those after whom the room is named for the joining user; and what these
 * and the join cite, without what is in that state. Specification: Server-Server API, `PUT /v2/send_join`, `omit_members`.
 */
export async function findReducedState(
  parts: RoomReadParts,
  room: KnownRoom,
  root: StateRoot,
  join: { readonly eventNid: number; readonly userId: string },
): Promise<ReducedState> {
  const entries = new Map(await parts.tries.entries(parts.database, room.roomNid, root));
  const kept = await findOtherKeys(parts.database, [...entries.keys()]);
  const heroes = await findMemberKeyNids(parts.database, await findHeroes(parts, room, join.userId));
  const stateNids = [...kept, ...heroes.values()].flatMap((keyNid) => entries.get(keyNid) ?? []);
  const chain = new Set(await findChain(parts.database, room, [...stateNids, join.eventNid]));
  for (const nid of stateNids) chain.delete(nid);
  return { stateNids, chainNids: [...chain], membersOmitted: stateNids.length < entries.size };
}

/** None of a room that has a name. */
async function findHeroes(
  { database, tries }: RoomReadParts,
  { roomNid }: KnownRoom,
  userId: string,
): Promise<readonly string[]> {
  const known = await findRoomSummaries(database, [roomNid]);
  const summary = (await refillHeroes({ database, tries }, known, Number.MAX_SAFE_INTEGER)).get(roomNid);
  return summary === undefined ? [] : heroesFor(userId, summary);
}

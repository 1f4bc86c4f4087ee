/** Owns what of a room decides whether its events notify a user. */
import { BoundedMap } from '#core/bounded-map.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { userPowerLevel, type RoomPower } from '#matrix/power-levels.ts';
import type { PushContext } from '#matrix/push-rules/evaluate.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import { findRoomSummaries } from '#storage/streams/find-sync-state.ts';
import type { ReadTx } from '#storage/database.ts';

type RoomFacts = { readonly power: RoomPower; readonly displayName: string | undefined; readonly joinedCount: number };

const CACHED_MAX = 5_000;
// A state never changes, and with the members of a room its state does.
const caches = new WeakMap<ReadTx, BoundedMap<string, RoomFacts>>();

/** How a user is to be notified in a state of a room, for each sender. */
export async function findPushContext(
  parts: RoomReadParts,
  user: RoomUser,
  room: KnownRoom,
  root: StateRoot,
): Promise<(sender: string) => PushContext> {
  let cache = caches.get(parts.database);
  if (cache === undefined) caches.set(parts.database, (cache = new BoundedMap({ sizeMax: CACHED_MAX })));
  const key = `${root} ${user.userNid}`;
  const facts = cache.get(key) ?? (await findFacts(parts, user, room, root));
  cache.set(key, facts);
  const { power, displayName, joinedCount } = facts;
  const levels = power.levels?.['notifications'];
  return (sender) => ({
    userId: user.userId,
    displayName,
    joinedMemberCount: joinedCount,
    senderPowerLevel: userPowerLevel(power, sender),
    notificationLevels: isJsonObject(levels) ? levels : undefined,
  });
}

async function findFacts(
  parts: RoomReadParts,
  { userId }: RoomUser,
  room: KnownRoom,
  root: StateRoot,
): Promise<RoomFacts> {
  const { roomNid, version } = room;
  const power = await findRoomPower(parts, room, root);
  const member = await findStateEvent(parts, roomNid, root, 'm.room.member', userId);
  const name = member === undefined ? undefined : contentOf(member, version)['displayname'];
  const summary = (await findRoomSummaries(parts.database, [roomNid])).get(roomNid);
  return {
    power,
    displayName: typeof name === 'string' ? name : undefined,
    joinedCount: summary?.joinedCount ?? 0,
  };
}

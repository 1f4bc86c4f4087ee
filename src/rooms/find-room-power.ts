/** Owns reading what decides power in a room. */
import type { RoomPower } from '#matrix/power-levels.ts';
import { contentOf, findStateEvents } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';

export async function findRoomPower(
  parts: RoomReadParts,
  { roomNid, version }: KnownRoom,
  root: StateRoot,
): Promise<RoomPower> {
  const events = await findStateEvents(parts, roomNid, root, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ]);
  const create = events.find((event) => event.type === 'm.room.create');
  const levels = events.find((event) => event.type === 'm.room.power_levels');
  if (create === undefined) throw new Error(`Room ${roomNid} has no create event in state ${root}.`);
  return {
    version,
    create: { sender: create.sender, content: contentOf(create, version) },
    levels: levels === undefined ? undefined : contentOf(levels, version),
  };
}

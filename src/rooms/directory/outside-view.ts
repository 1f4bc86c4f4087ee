/** Owns what a room looks like from outside, in the shape of the wire. */
import type { SummarisedRoom } from '#storage/rooms/find-published.ts';

/** Specification: Client-Server API, "Published room directory", `PublishedRoomsChunk`. */
export function directoryEntry(room: SummarisedRoom): Record<string, unknown> {
  return {
    room_id: room.room_id,
    num_joined_members: room.joined_count,
    world_readable: room.history_visibility === 'world_readable',
    guest_can_join: room.guest_access === 'can_join',
    // A room without the event is open to the invited alone.
    join_rule: room.join_rule ?? 'invite',
    ...(room.name !== null && { name: room.name }),
    ...(room.topic !== null && { topic: room.topic }),
    ...(room.canonical_alias !== null && { canonical_alias: room.canonical_alias }),
    ...(room.avatar_url !== null && { avatar_url: room.avatar_url }),
    ...(room.room_type !== null && { room_type: room.room_type }),
  };
}

/** The entry with what the summary of a single room, or of one in a space, says besides. Specification: `RoomSummary`. */
export function roomSummaryEntry(room: SummarisedRoom, allowedRoomIds: readonly string[]): Record<string, unknown> {
  return {
    ...directoryEntry(room),
    room_version: room.version,
    ...(room.encryption !== null && { encryption: room.encryption }),
    ...(allowedRoomIds.length > 0 && { allowed_room_ids: allowedRoomIds }),
  };
}

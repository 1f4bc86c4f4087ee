/** Owns what a room looks like from outside, in the shape of the wire. */
import { findRoomVersion } from '#matrix/room-versions.ts';
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
export function roomSummaryEntry(room: SummarisedRoom): Record<string, unknown> {
  const allowed = isRestricted(room) ? allowedRoomIds(room) : [];
  return {
    ...directoryEntry(room),
    room_version: room.version,
    ...(room.encryption !== null && { encryption: room.encryption }),
    ...(allowed.length > 0 && { allowed_room_ids: allowed }),
  };
}

/** Whether members of other rooms may join, by rule and version. */
export function isRestricted({ join_rule: rule, version }: SummarisedRoom): boolean {
  const { restrictedJoins, knockRestricted } = findRoomVersion(version) ?? {};
  return (
    (rule === 'restricted' && restrictedJoins === true) || (rule === 'knock_restricted' && knockRestricted === true)
  );
}

/** Whether anybody may ask to be let in, by rule and version. */
export function isKnockable({ join_rule: rule, version }: SummarisedRoom): boolean {
  const { knocking, knockRestricted } = findRoomVersion(version) ?? {};
  return (rule === 'knock' && knocking === true) || (rule === 'knock_restricted' && knockRestricted === true);
}

/** The rooms whose members may join a restricted room. */
export function allowedRoomIds({ allowed_room_ids: json }: SummarisedRoom): readonly string[] {
  const roomIds: unknown = json === null ? [] : JSON.parse(json);
  return Array.isArray(roomIds) ? roomIds.filter((id) => typeof id === 'string') : [];
}

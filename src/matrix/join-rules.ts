/** Owns reading which rooms' members a restricted room lets in. */

/** Conditions that are looked at; the rest of a longer list counts for nothing. */
const CONDITIONS_MAX = 50;

/** The room ids in `allow` of `m.room.join_rules`. Specification: Client-Server API, "Restricted rooms". */
export function allowedRoomsOf(allow: unknown): string[] {
  if (!Array.isArray(allow)) return [];
  const conditions: readonly unknown[] = allow.slice(0, CONDITIONS_MAX);
  return conditions.flatMap((condition) => allowedRoomOf(condition) ?? []);
}

function allowedRoomOf(condition: unknown): string | undefined {
  if (typeof condition !== 'object' || condition === null) return undefined;
  if (!('type' in condition) || condition.type !== 'm.room_membership') return undefined;
  return 'room_id' in condition && typeof condition.room_id === 'string' ? condition.room_id : undefined;
}

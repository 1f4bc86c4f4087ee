/** Owns taking an alias of this server away from its room. */
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { eventPowerLevel, userPowerLevel } from '#matrix/power-levels.ts';
import { requireAlias } from '#rooms/aliases/find-alias.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import { removeAlias } from '#storage/rooms/write-aliases.ts';
import type { RoomAlias } from '#storage/rooms/find-aliases.ts';

/**
 * For whoever made the alias, or has the power in its room to say which alias it goes by. If the room says that it goes
 * by this one, it stops to say so as far as the user's power reaches. M_NOT_FOUND, M_FORBIDDEN.
 * Specification: Client-Server API, "Room aliases".
 */
export async function deleteAlias(parts: RoomWriteParts, user: RoomUser, name: string): Promise<void> {
  const alias = await requireAlias(parts, name);
  const content = await findContentWithout(parts, user, alias);
  if (content !== undefined) {
    const event = { sender: user.userId, type: 'm.room.canonical_alias', state_key: '', content };
    await parts.persistEvents({
      room: { roomId: alias.roomId },
      events: [event],
      alongside: async (tx) => void (await removeAlias(tx, name, alias.roomNid)),
    });
    return;
  }
  await parts.database.transaction((tx) => removeAlias(tx, name, alias.roomNid));
}

/** What the room's canonical alias event becomes; undefined if it stays. Throws unless the user may delete the alias. */
async function findContentWithout(
  parts: RoomWriteParts,
  user: RoomUser,
  alias: RoomAlias,
): Promise<JsonObject | undefined> {
  const type = 'm.room.canonical_alias';
  const isCreator = alias.creatorNid === user.userNid;
  const joined = await requireJoinedRoom(parts, user, alias.roomId).catch((error: unknown) => {
    if (isCreator) return undefined;
    throw error;
  });
  if (joined === undefined) return undefined;
  const { room, root } = joined;
  const power = await findRoomPower(parts, room, root);
  const mayPublish = userPowerLevel(power, user.userId) >= eventPowerLevel(power, type, true);
  if (!isCreator && !mayPublish) {
    throw new MatrixError('M_FORBIDDEN', 'Somebody else made this alias, and you have not the power over it.');
  }
  const current = mayPublish ? await findStateEvent(parts, room.roomNid, root, type, '') : undefined;
  return current === undefined ? undefined : without(contentOf(current, room.version), alias.alias);
}

/** Undefined if the content does not name the alias. */
function without(content: JsonObject, alias: string): JsonObject | undefined {
  const { alias: main, alt_aliases: others, ...kept } = content;
  const list = Array.isArray(others) ? others : [];
  if (main !== alias && !list.includes(alias)) return undefined;
  const left = list.filter((one) => one !== alias);
  return {
    ...kept,
    ...(main !== undefined && main !== alias && { alias: main }),
    ...(left.length > 0 && { alt_aliases: left }),
  };
}

/** Owns setting one entry of a room's state. */
import type { JsonObject } from '#matrix/pdu.ts';
import { requireOwnAliases } from '#rooms/aliases/check-canonical-alias.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import { requireOnlyId } from '#rooms/send-event.ts';
import type { RoomWriteParts } from '#rooms/room-parts.ts';

/**
 * Answers the event's id. Whether it may be is for the auth rules; besides, an invitation must reach somebody and an
 * alias must lead to the room (M_INVALID_PARAM, M_BAD_ALIAS).
 */
export async function setState(
  parts: RoomWriteParts,
  request: {
    readonly roomId: string;
    readonly sender: string;
    readonly type: string;
    readonly stateKey: string;
    readonly content: JsonObject;
  },
): Promise<string> {
  const { roomId, sender, type, stateKey, content } = request;
  if (type === 'm.room.member' && content['membership'] === 'invite') await requireInvitable(parts, [stateKey]);
  if (type === 'm.room.canonical_alias' && stateKey === '') await requireOwnAliases(parts, roomId, content);
  const event = { sender, type, state_key: stateKey, content };
  return requireOnlyId((await parts.persistEvents({ room: { roomId }, events: [event] })).eventIds);
}

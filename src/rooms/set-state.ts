/** Owns setting one entry of a room's state. */
import type { JsonObject } from '#matrix/pdu.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import { requireOnlyId } from '#rooms/send-event.ts';
import type { ReadTx } from '#storage/database.ts';

/** Answers the event's id. Whether it may be is for the auth rules; an invitation must reach somebody besides. */
export async function setState(
  parts: {
    readonly database: ReadTx;
    readonly persistEvents: PersistEvents;
    readonly isLocal: (id: string) => boolean;
  },
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
  const event = { sender, type, state_key: stateKey, content };
  return requireOnlyId((await parts.persistEvents({ room: { roomId }, events: [event] })).eventIds);
}

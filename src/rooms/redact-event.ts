/** Owns redacting an event of a room. */
import { MatrixError } from '#matrix/error.ts';
import { isEventId } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import type { ReplayKey } from '#rooms/persist-request.ts';
import { requireOnlyId } from '#rooms/send-event.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import { findEventById } from '#storage/rooms/find-events.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';

/**
 * Answers the id of the redaction. M_FORBIDDEN unless the event is the user's own or the user has the room's redact
 * level: a server may not tell its own users apart by the room version's rule, so that is judged here. An event that
 * is not here may be on other servers of the room: whoever has the level redacts it there, and here should it ever come.
 * M_NOT_FOUND for it where there are none. Specification: Client-Server API, "Redactions"; Room Version 3, "Handling
 * redactions".
 */
export async function redactEvent(
  parts: RoomWriteParts,
  request: {
    readonly roomId: string;
    readonly sender: RoomUser;
    readonly targetId: string;
    /** Of the redaction event, without `redacts`. */
    readonly content: JsonObject;
    readonly replay: ReplayKey;
    /** What others sent is refused whatever the user's power: so it is for suspended accounts. */
    readonly isOnlyOwn?: boolean;
  },
): Promise<string> {
  const { roomId, sender, targetId, content, replay, isOnlyOwn = false } = request;
  const { room, root } = await requireJoinedRoom(parts, sender, roomId);
  // What is known of another room is answered like what is not known at all.
  const found = await findEventById(parts.database, targetId);
  const target = found?.roomNid === room.roomNid ? found : undefined;
  if (target === undefined && !(await mayBeElsewhere(parts, room.roomNid, targetId)))
    throw new MatrixError('M_NOT_FOUND', 'There is no such event in this room.');
  if (target?.sender !== sender.userId) {
    if (isOnlyOwn)
      throw new MatrixError('M_USER_SUSPENDED', 'This account is suspended and may redact its own events only.');
    const power = await findRoomPower(parts, room, root);
    if (userPowerLevel(power, sender.userId) < namedLevel(power, 'redact')) {
      throw new MatrixError('M_FORBIDDEN', 'You have not the power to redact what others sent in this room.');
    }
  }
  const redaction = { sender: sender.userId, type: 'm.room.redaction', content, redacts: targetId };
  return requireOnlyId((await parts.persistEvents({ room: { roomId }, events: [redaction], replay })).eventIds);
}

/** Whether other servers are in the room that might have an event of this id. */
async function mayBeElsewhere(
  { database, isLocal }: RoomWriteParts,
  roomNid: number,
  eventId: string,
): Promise<boolean> {
  if (!isEventId(eventId)) return false;
  return (await findServersInRoom(database, roomNid)).some((server) => !isLocal(server));
}

/** Owns leaving a room, rejecting an invite and taking back a knock, wherever the room is. */
import { buildEvent } from '#matrix/build-event.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { readStoredPdu } from '#matrix/pdu-checks.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { leaveRoom as leaveHere } from '#rooms/change-membership.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import { referenceToStored } from '#rooms/persist/event-reference.ts';
import { isUnknownMember } from '#rooms/partial/is-unknown-member.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { persistOutOfBand } from '#rooms/persist-out-of-band.ts';
import { askMembership, sendPath } from '#rooms/residents/ask-membership.ts';
import { askServers } from '#rooms/residents/ask-servers.ts';
import { findResidents, isDeserted, isResident } from '#rooms/residents/find-residents.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { newEventId } from '#rooms/residents/sign-membership.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findOwnMembership, type OwnMembership } from '#storage/rooms/find-own-membership.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

type LeaveRequest = { readonly roomId: string; readonly sender: RoomUser; readonly reason?: string | undefined };

/** Where a room's servers do not answer, the user has left all the same after so long. */
const SEND_MS = 20_000;
const SERVERS_MAX = 3;

/**
 * Who has left already has nothing to do; M_FORBIDDEN for who was never there. A membership of a room in which this server
 * has nobody is ended through the servers that are; if none of them can or will, it is ended here alone.
 * Specification: Server-Server API, "Leaving Rooms (Rejecting Invites)".
 */
export async function leaveRoom(parts: ResidentParts, request: LeaveRequest): Promise<void> {
  const { roomId, sender } = request;
  const room = await findRoom(parts.database, roomId);
  const own = room && (await findOwnMembership(parts.database, sender.userNid, room.roomNid));
  const isPending = own?.membership === membershipCodes.invite || own?.membership === membershipCodes.knock;
  const isElsewhere = room !== undefined && isPending && !(await isKnownHere(parts, room.roomNid, sender));
  if (!isElsewhere || (await isDeserted(parts, room.roomNid))) return leaveHere(parts, request);
  const content = buildMemberContent('leave', undefined, { reason: request.reason });
  const taken = await leaveThroughResidents(parts, sender, room, content);
  const event = taken ?? signLoneLeave(parts, sender, { room, own, content });
  const outcome = await persistOutOfBand(parts, { event, shown: [] });
  // Somebody of this server is in the room.
  if (outcome === 'inRoom' && !(taken !== undefined && (await isPlaced(parts, taken)))) await leaveHere(parts, request);
}

async function isKnownHere(parts: ResidentParts, roomNid: number, { userId }: RoomUser): Promise<boolean> {
  return (await isResident(parts, roomNid)) && !(await isUnknownMember(parts, roomNid, userId));
}

/** Puts what the other servers have taken into the graph here too; false if it follows what is not here, or does not count. */
async function isPlaced({ persistEvents }: ResidentParts, event: ValidatedPdu): Promise<boolean> {
  try {
    const { statuses } = await persistEvents({ room: { roomId: event.roomId }, events: [{ sealed: event }] });
    return statuses[0] === 'accepted';
  } catch (error) {
    if (error instanceof MissingEventsError) return false;
    throw error;
  }
}

/** Undefined when no server has taken the event. */
async function leaveThroughResidents(
  parts: ResidentParts,
  user: RoomUser,
  { roomId, version: known }: KnownRoom,
  content: JsonObject,
): Promise<ValidatedPdu | undefined> {
  const servers = await findResidents(parts, user, roomId, []);
  const wanted = { roomId, userId: user.userId, membership: 'leave' } as const;
  try {
    return await askServers(parts, servers.slice(0, SERVERS_MAX), async (server) => {
      const { event } = await askMembership(parts, server, wanted, { known, content });
      const send = {
        method: 'PUT',
        path: sendPath('v2', 'leave', event),
        body: event.json,
        timeoutMs: SEND_MS,
      } as const;
      await parts.federation.client.request(server, send);
      return event;
    });
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

/** An event that no server is sent: it says here, and in the user's clients, that the invite or the knock is over. */
function signLoneLeave(
  { ownKeys, clock }: ResidentParts,
  user: RoomUser,
  pending: { readonly room: KnownRoom; readonly own: OwnMembership; readonly content: JsonObject },
): ValidatedPdu {
  const { room, own, content } = pending;
  const { version, roomId } = room;
  const reference = referenceToStored(own.eventId, own.json, version);
  const { depth } = readStoredPdu(own.json, version);
  const built = buildEvent(
    { type: 'm.room.member', sender: user.userId, state_key: user.userId, room_id: roomId, content },
    {
      version,
      prevEvents: [reference],
      authEvents: [reference],
      depth: Math.min(depth + 1, Number.MAX_SAFE_INTEGER),
      originServerTs: clock.now(),
      signer: ownKeys.signer,
      ...newEventId(version, ownKeys.signer.serverName),
    },
  );
  if (!built.ok) throw new MatrixError('M_TOO_LARGE', built.message);
  return built.event;
}

/** Owns invitations from other servers to users of this one: each check, the signature, and telling the user. */
import { coSignEvent } from '#matrix/co-sign.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { admitEvent } from '#rooms/admit/admit-event.ts';
import type { AdmitParts } from '#rooms/admit/admit-parts.ts';
import { readShownState } from '#rooms/admit/read-shown-state.ts';
import { requirePdu, requireSigned } from '#rooms/admit/require-membership-event.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { persistOutOfBand, type OutOfBandParts } from '#rooms/persist-out-of-band.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import { requireServerAllowed } from '#rooms/serve/require-server.ts';
import { isServerInRoom } from '#storage/rooms/find-room-servers.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

export type InviteParts = AdmitParts & OutOfBandParts;

export type ReceivedInvite = {
  readonly roomId: string;
  readonly eventId: string;
  readonly version: RoomVersion;
  /** The event, as text. */
  readonly eventText: string;
  /** `invite_room_state`, and its text. */
  readonly told: { readonly value: JsonValue | undefined; readonly text: string | undefined };
};

/**
 * The JSON text of the event with our signature, once the invited user is told; the same invitation may come twice. In a
 * room that this server is in it is judged by the room's rules; in any other, where nobody can, it is kept out of band. Throws
 * M_INVALID_PARAM, M_NOT_FOUND for a user who does not exist, M_INVITE_BLOCKED, and M_FORBIDDEN.
 * Specification: Server-Server API, `PUT /v2/invite/{roomId}/{eventId}`.
 */
export async function receiveInvite(parts: InviteParts, origin: string, invite: ReceivedInvite): Promise<string> {
  const { roomId, eventId, version } = invite;
  const event = requirePdu(invite.eventText, version);
  const { type, sender, state_key: invited, content } = event.pdu;
  if (event.roomId !== roomId) throw invalid('The event belongs to another room than the path names.');
  if (event.eventId !== eventId) throw invalid('The event has another id than the path names.');
  if (type !== 'm.room.member' || content['membership'] !== 'invite') throw invalid('The event must be an invitation.');
  if (invited === undefined || !isUserId(invited) || !parts.isLocal(invited)) {
    throw invalid("The event's state_key must be a user of this server.");
  }
  if (serverNameOf(sender) !== origin) throw invalid('The sender must be a user of the server that asks.');
  await requireSigned(parts, event);
  const shown = await readShownState(parts, event, invite.told);
  if (!(await findLocalUsers(parts.database, [invited])).has(invited)) {
    throw new MatrixError('M_NOT_FOUND', 'There is no such user on this server.');
  }
  await requireInvitable(parts, [invited]);
  const signed = requireCoSigned(parts, event);
  await take(parts, origin, signed, shown);
  return signed.json;
}

async function take(
  parts: InviteParts,
  origin: string,
  event: ValidatedPdu,
  shown: Awaited<ReturnType<typeof readShownState>>,
): Promise<void> {
  const { serverName } = parts.ownKeys.signer;
  const room = await findRoom(parts.database, event.roomId);
  const isHere = room !== undefined && (await isServerInRoom(parts.database, room.roomNid, serverName));
  // Somebody of this server may come into the room meanwhile.
  if (!isHere && (await persistOutOfBand(parts, { event, shown })) !== 'inRoom') return;
  await requireServerAllowed(parts, event.roomId, origin);
  try {
    // Its sender tells the room's servers of it, this one like the others.
    await admitEvent(parts, event, { relay: false });
  } catch (error) {
    // With what it builds on, which is on its way here, it comes in like any other event of the room.
    if (!(error instanceof MatrixError) || !(error.cause instanceof MissingEventsError)) throw error;
  }
}

function requireCoSigned(parts: AdmitParts, event: ValidatedPdu): ValidatedPdu {
  const verdict = coSignEvent(event, parts.ownKeys.signer);
  if (!verdict.ok) throw new MatrixError('M_TOO_LARGE', verdict.message);
  return verdict.event;
}

function invalid(message: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', message);
}

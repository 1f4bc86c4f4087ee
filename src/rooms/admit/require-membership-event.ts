/** Owns judging the member events that other servers submit for their users: what they are, who signed them, whether they may. */
import { coSignEvent } from '#matrix/co-sign.ts';
import { MatrixError } from '#matrix/error.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { validatePdu, type PduVerdict } from '#matrix/pdu-checks.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { requireResidentRoom, type AdmitParts } from '#rooms/admit/admit-parts.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';

/** A request to `send_join`, `send_leave` or `send_knock`. */
export type Submission = {
  readonly roomId: string;
  readonly eventId: string;
  /** The event, as text. */
  readonly bodyText: string;
};

/** An event that is what it should be; whether the room permits it is not judged yet. */
export type SubmittedEvent = { readonly room: KnownRoom; readonly event: ValidatedPdu };

/**
 * The event, if it is a membership of this kind that a user of the asking server has of themselves, in the room and with the id
 * that the path names, with its signature. A join for which a user of this server vouches comes back with our signature,
 * which is to be given to nobody before `requireVouchable` has agreed. Throws as `requireResidentRoom` does, and M_INVALID_PARAM.
 * Specification: Server-Server API, `PUT /v2/send_join`, `PUT /v2/send_leave`, `PUT /v1/send_knock`.
 */
export async function requireMembershipEvent(
  parts: AdmitParts,
  origin: string,
  { roomId, eventId, bodyText }: Submission,
  membership: 'join' | 'leave' | 'knock',
): Promise<SubmittedEvent> {
  const { room } = await requireResidentRoom(parts, roomId, origin);
  const event = requirePdu(bodyText, room.version);
  const { type, sender, state_key: stateKey, content } = event.pdu;
  if (event.roomId !== roomId) throw invalid('The event belongs to another room than the path names.');
  if (event.eventId !== eventId) throw invalid('The event has another id than the path names.');
  if (type !== 'm.room.member') throw invalid('The event must be an m.room.member.');
  if (content['membership'] !== membership) throw invalid(`The event's membership must be "${membership}".`);
  if (stateKey !== sender) throw invalid("The event's state_key must be its sender.");
  if (serverNameOf(sender) !== origin) throw invalid('The sender must be a user of the server that asks.');
  const vouching = vouchingUser(event);
  const isOurs = vouching !== undefined && parts.isLocal(vouching);
  const signed = isOurs ? requireValid(coSignEvent(event, parts.ownKeys.signer)) : event;
  await requireSigned(parts, signed);
  return { room, event: signed };
}

/** Throws M_BAD_JSON, M_TOO_LARGE, or M_INVALID_PARAM for what is no event of the room's version. */
export function requirePdu(text: string, version: RoomVersion): ValidatedPdu {
  return requireValid(validatePdu(text, version));
}

function requireValid(verdict: PduVerdict): ValidatedPdu {
  if (verdict.ok) return verdict.event;
  if (verdict.reason === 'too-large') throw new MatrixError('M_TOO_LARGE', verdict.message);
  throw new MatrixError(verdict.reason === 'bad-format' ? 'M_INVALID_PARAM' : 'M_BAD_JSON', verdict.message);
}

/** Throws M_INVALID_PARAM unless all who must have signed the event did, and its content is what they signed. */
export async function requireSigned(
  { federation }: Pick<AdmitParts, 'federation'>,
  event: ValidatedPdu,
): Promise<void> {
  // Of an event whose hash is wrong a redacted copy would do in a room's history; here its sender can mend it.
  if (!event.contentHashMatches) throw invalid("The event's content hash does not match.");
  const [checked] = await federation.keyring.checkEvents([event]);
  if (checked?.ok !== true) throw invalid(checked?.message ?? 'The event is not signed.');
}

/** The user who lets the sender into a restricted room, whose server signs for it. Specification: room version 8. */
export function vouchingUser({ pdu, version }: ValidatedPdu): string | undefined {
  const vouching = pdu.content['join_authorised_via_users_server'];
  return version.restrictedJoins && typeof vouching === 'string' ? vouching : undefined;
}

function invalid(message: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', message);
}

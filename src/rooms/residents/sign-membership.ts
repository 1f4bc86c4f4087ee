/** Owns the membership events that we sign after another server's template: every field of them is ours but their place. */
import { randomString } from '#core/random.ts';
import { buildEvent } from '#matrix/build-event.ts';
import { MatrixError } from '#matrix/error.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { Signer } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { MembershipTemplate, MembershipWanted } from '#rooms/residents/check-template.ts';

const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The id of a new event, in the room versions in which it is given. */
export function newEventId(version: RoomVersion, serverName: string): { readonly eventId?: string } {
  return version.eventId === 'in-pdu' ? { eventId: `$${randomString(32, idAlphabet)}:${serverName}` } : {};
}

/**
 * `content` is what the user says of their membership. Throws M_BAD_JSON or M_TOO_LARGE for content that makes no event,
 * and a TypeError for a place that no event can have.
 */
export function signMembership(
  wanted: MembershipWanted,
  template: MembershipTemplate,
  content: JsonObject,
  signing: { readonly signer: Signer; readonly now: number },
): ValidatedPdu {
  const { version, authorisedVia } = template;
  const { signer, now } = signing;
  // Who vouches for a join is for the room's server to say, whatever the client wrote.
  const { join_authorised_via_users_server: _claimed, ...own } = content;
  const full = {
    ...own,
    membership: wanted.membership,
    ...(authorisedVia !== undefined && { join_authorised_via_users_server: authorisedVia }),
  };
  const draft = { type: 'm.room.member', sender: wanted.userId, state_key: wanted.userId, room_id: wanted.roomId };
  const built = buildEvent(
    { ...draft, content: full },
    {
      version,
      prevEvents: template.prevEvents,
      authEvents: template.authEvents,
      depth: template.depth,
      originServerTs: now,
      signer,
      ...newEventId(version, signer.serverName),
    },
  );
  if (!built.ok) throw new MatrixError(built.reason === 'too-large' ? 'M_TOO_LARGE' : 'M_BAD_JSON', built.message);
  const checked = validatePdu(built.event.json, version);
  if (!checked.ok) throw new TypeError(checked.message);
  return built.event;
}

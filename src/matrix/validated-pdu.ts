/** Owns the one type of event that the rest of the server accepts, whichever door it came through. */
import type { Pdu } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

declare const validated: unique symbol;

/**
 * An event whose format and sizes are right for its room version. Only `validatePdu` and `buildEvent` make one; whether
 * its signatures and the auth rules hold is decided afterwards.
 */
export type ValidatedPdu = {
  readonly [validated]: true;
  readonly eventId: string;
  /** Filled in for a create event of version 12 too. */
  readonly roomId: string;
  readonly version: RoomVersion;
  /** Without `unsigned`, which is never taken from others. */
  readonly pdu: Pdu;
  /** The canonical JSON of `pdu`, with hashes and signatures: what is stored and sent to other servers. */
  readonly json: string;
  /** What every signature, and the event id of versions 3 and later, covers: see `signedText` in `hashes.ts`. */
  readonly signedText: string;
  /** Whether `hashes.sha256` is that of the content; if not, only the redacted copy may be used. */
  readonly contentHashMatches: boolean;
};

/** Puts the mark on. For the two doors alone: a test sees to it that nothing else imports this. */
export function markValidated(fields: Omit<ValidatedPdu, typeof validated>): ValidatedPdu {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The mark exists for the type checker only.
  return fields as ValidatedPdu;
}

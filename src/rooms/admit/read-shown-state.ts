/** Owns judging the state that an invitation from another server comes with: what the invited user is shown of the room. */
import { MatrixError } from '#matrix/error.ts';
import { sliceElements } from '#matrix/json-slices.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import { selectStripped, stripEvent, type StrippedEvent } from '#matrix/stripped-state.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { AdmitParts } from '#rooms/admit/admit-parts.ts';
import { requirePdu, requireSigned } from '#rooms/admit/require-membership-event.ts';

/** Entries of a list that is checked: each is a signature to verify, and perhaps a server to ask for its key. */
const CHECKED_MAX = 50;

/**
 * The stripped events. Where the room's id is the hash of its create event, each entry must be an event of the room with its
 * signatures, and the create event among them: M_MISSING_PARAM for no list, else M_INVALID_PARAM. In older rooms, whose ids prove
 * nothing, entries of other rooms are refused and what is no stripped state is left out.
 * Specification: Server-Server API, `PUT /v2/invite`, `invite_room_state`; Client-Server API, "Stripped state".
 */
export async function readShownState(
  parts: AdmitParts,
  invite: ValidatedPdu,
  told: { readonly value: JsonValue | undefined; readonly text: string | undefined },
): Promise<readonly StrippedEvent[]> {
  const { roomId, version } = invite;
  const { value, text } = told;
  if (!version.roomIdIsCreateHash) {
    const strays = (Array.isArray(value) ? value : []).some(
      (entry) => isJsonObject(entry) && typeof entry['room_id'] === 'string' && entry['room_id'] !== roomId,
    );
    if (strays) throw new MatrixError('M_INVALID_PARAM', 'An event of "invite_room_state" is of another room.');
    return selectStripped(value);
  }
  if (value === undefined || text === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "invite_room_state".');
  }
  if (!Array.isArray(value) || value.length > CHECKED_MAX) {
    throw new MatrixError('M_INVALID_PARAM', `"invite_room_state" must be a list of at most ${CHECKED_MAX} events.`);
  }
  const events = sliceElements(text).map((each) => requirePdu(each, version));
  if (events.some((event) => event.roomId !== roomId || event.pdu.state_key === undefined)) {
    throw new MatrixError('M_INVALID_PARAM', '"invite_room_state" holds an event that is no state of this room.');
  }
  if (!events.some(({ pdu }) => pdu.type === 'm.room.create')) {
    throw new MatrixError('M_INVALID_PARAM', '"invite_room_state" lacks the create event of the room.');
  }
  for (const event of events) await requireSigned(parts, event);
  return selectStripped(events.map(({ pdu }) => stripEvent(pdu)));
}

/** Owns looking through the state and auth chain that another server tells of a room, before any of it is believed. */
import { nextTurn, piecesOf } from '#core/pieces.ts';
import type { Keyring } from '#federation/keyring.ts';
import { createEventIdOf } from '#matrix/hashes.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import { ToldState } from '#rooms/residents/told-state.ts';

/** Events that are looked at in one turn of the event loop. */
const EVENTS_AT_ONCE = 200;
/** State and auth chain together. */
const EVENTS_MAX = 500_000;

/**
 * Events that are no events, or of other rooms, are left out; signatures are not looked at yet. Throws a BadAnswerError for a
 * state without the room's create event, or with too many events.
 */
export async function readRoomState(
  room: { readonly roomId: string; readonly version: RoomVersion },
  { state, authChain }: { readonly state: readonly Uint8Array[]; readonly authChain: readonly Uint8Array[] },
): Promise<ToldState> {
  if (state.length + authChain.length > EVENTS_MAX) throw new BadAnswerError('It answered with too many events.');
  const told = new ToldState(room);
  for (const texts of [authChain, state]) {
    for (const some of piecesOf(texts, EVENTS_AT_ONCE)) {
      for (const text of some) {
        const event = readEvent(told, text);
        if (event === undefined) continue;
        told.add(event, text);
        if (texts === state) told.addEntry(event);
      }
      await nextTurn();
    }
  }
  requireCreate(told);
  return told;
}

/**
 * The events out of texts that were told, without those that are not signed by whom they must be: a join does not fail for a
 * few of them. Specification: Server-Server API, "Checks performed on receipt of a PDU", 1 to 3.
 */
export async function checkTold(
  keyring: Pick<Keyring, 'checkEvents'>,
  told: ToldState,
  texts: readonly Uint8Array[],
): Promise<ValidatedPdu[]> {
  const events = texts.map((text) => readEvent(told, text)).filter((event) => event !== undefined);
  const checked = await keyring.checkEvents(events);
  return checked.flatMap((verdict) => (verdict.ok ? [verdict.event] : []));
}

function readEvent({ roomId, version }: ToldState, text: Uint8Array): ValidatedPdu | undefined {
  const verdict = validatePdu(text, version);
  const isUsable = verdict.ok && verdict.event.roomId === roomId && verdict.event.pdu.state_key !== undefined;
  return isUsable ? verdict.event : undefined;
}

/** Specification: Server-Server API, "Joining Rooms": the room version is that of the create event. */
function requireCreate(told: ToldState): void {
  const { roomId, version } = told;
  const [text] = told.textsOf([told.findEntry('m.room.create', '') ?? '']);
  const create = text && readEvent(told, text);
  if (create === undefined) throw new BadAnswerError("It answered without the room's create event.");
  const { room_version: said = '1' } = create.pdu.content;
  if (said !== version.id) throw new BadAnswerError('It answered with a create event of another room version.');
  if (version.roomIdIsCreateHash && create.eventId !== createEventIdOf(roomId)) {
    throw new BadAnswerError('It answered with the create event of another room.');
  }
}

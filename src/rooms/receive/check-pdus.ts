/** Owns what is judged of another server's events before it is answered: all that an event can fail by itself. */
import { parseJsonExactly } from '#matrix/parse-json.ts';
import { eventIdOf } from '#matrix/hashes.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { ExactJsonValue } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { findRoomGate, type RoomGate } from '#rooms/receive/room-gate.ts';

/** An event of a transaction: its own text as it came, whose numbers tell, and the room that it names. */
export type SentPdu = { readonly text: string; readonly roomId: string | undefined };

export type CheckedPdus = {
  /** By event id why the event is refused; undefined for one that is taken. */
  readonly refusals: ReadonlyMap<string, string | undefined>;
  /** Those that are taken, in their order, none twice. */
  readonly events: readonly ValidatedPdu[];
};

type CheckParts = Pick<ReceiveParts, 'database' | 'tries' | 'federation'>;

/**
 * Checks that the events are of rooms which both servers are in, are events of those rooms' versions, and are signed. One
 * whose content hash does not match is taken as its redacted copy. What has no event id, not even one to say no to, is left
 * out. Specification: Server-Server API, "Checks performed on receipt of a PDU", 1 to 3.
 */
export async function checkPdus(parts: CheckParts, origin: string, pdus: readonly SentPdu[]): Promise<CheckedPdus> {
  const gates = await findGates(parts, origin, pdus);
  const refusals = new Map<string, string | undefined>();
  const candidates = new Map<string, ValidatedPdu>();
  for (const { text, roomId } of pdus) {
    const gate = roomId === undefined ? undefined : gates.get(roomId);
    if (gate === undefined) continue;
    const verdict = checkOne(text, gate);
    if (verdict === undefined || refusals.has(verdict.eventId)) continue;
    refusals.set(verdict.eventId, verdict.refusal);
    if (verdict.event !== undefined) candidates.set(verdict.eventId, verdict.event);
  }
  const checked = await parts.federation.keyring.checkEvents([...candidates.values()]);
  const events: ValidatedPdu[] = [];
  for (const [index, eventId] of [...candidates.keys()].entries()) {
    const verdict = checked[index];
    if (verdict?.ok === true) events.push(verdict.event);
    else refusals.set(eventId, verdict?.message ?? 'The event was not checked.');
  }
  return { refusals, events };
}

/** Once for each room that the transaction names, of which there are at most as many as events. */
async function findGates(
  parts: CheckParts,
  origin: string,
  pdus: readonly SentPdu[],
): Promise<ReadonlyMap<string, RoomGate>> {
  const roomIds = new Set(pdus.flatMap(({ roomId }) => roomId ?? []));
  const gates = new Map<string, RoomGate>();
  for (const roomId of roomIds) gates.set(roomId, await findRoomGate(parts, roomId, origin));
  return gates;
}

type Verdict = { readonly eventId: string; readonly refusal?: string; readonly event?: ValidatedPdu };

function checkOne(text: string, gate: RoomGate): Verdict | undefined {
  if (!gate.isOpen) return refused(text, gate.room?.version ?? guessedVersion(), gate.refusal);
  const { room } = gate.served;
  const verdict = validatePdu(text, room.version);
  if (!verdict.ok) return refused(text, room.version, verdict.message);
  // Keys that come twice, for one: the event is that of the room which its checked form names.
  if (verdict.event.roomId !== room.roomId) return refused(text, room.version, 'The event names another room.');
  return { eventId: verdict.event.eventId, event: verdict.event };
}

function refused(text: string, version: RoomVersion, refusal: string): Verdict | undefined {
  const eventId = findClaimedId(text, version);
  return eventId === undefined ? undefined : { eventId, refusal };
}

/** The version of a room that is not here is not known. Most events have the same id in most versions. */
function guessedVersion(): RoomVersion {
  const version = findRoomVersion('11');
  if (version === undefined) throw new Error('Room version 11 is not known.');
  return version;
}

/** The id that the sender knows the text by, though it is no event; undefined where it cannot be told. */
function findClaimedId(text: string, version: RoomVersion): string | undefined {
  try {
    const value: ExactJsonValue = parseJsonExactly(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const { unsigned: _unsigned, ...event } = value;
    return eventIdOf(event, version);
  } catch {
    // A field that the id is made of has no canonical form.
    return undefined;
  }
}

/** Owns what is judged of another server's events before it is answered: all that an event can fail by itself. */
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { findClaimedId } from '#rooms/receive/claimed-id.ts';
import { endsMembership } from '#rooms/receive/end-of-invite.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { findRoomGate, type RoomGate } from '#rooms/receive/room-gate.ts';

/** An event of a transaction: its own text as it came, whose numbers tell, and the room that it names. */
export type SentPdu = { readonly text: string; readonly roomId: string | undefined };

export type CheckedPdus = {
  /** By event id why the event is refused; undefined for one that is taken. */
  readonly refusals: ReadonlyMap<string, string | undefined>;
  /** Those that are taken, in their order, none twice. */
  readonly events: readonly ValidatedPdu[];
  /** Ends of invites and knocks of users of this server, of rooms in which it has nobody. */
  readonly endings: readonly ValidatedPdu[];
};

type CheckParts = Pick<ReceiveParts, 'database' | 'tries' | 'federation' | 'isLocal'>;

/**
 * Checks that the events are of rooms which both servers are in, are events of those rooms' versions, and are signed. One
 * whose content hash does not match is taken as its redacted copy. What has no event id, not even one to say no to, is left
 * out. Specification: Server-Server API, "Checks performed on receipt of a PDU", 1 to 3.
 */
export async function checkPdus(parts: CheckParts, origin: string, pdus: readonly SentPdu[]): Promise<CheckedPdus> {
  const gates = await findGates(parts, origin, pdus);
  const refusals = new Map<string, string | undefined>();
  const candidates = new Map<string, { readonly event: ValidatedPdu; readonly gate: RoomGate }>();
  for (const { text, roomId } of pdus) {
    const gate = roomId === undefined ? undefined : gates.get(roomId);
    const verdict = gate === undefined ? undefined : await checkOne(parts, text, gate);
    if (gate === undefined || verdict === undefined || refusals.has(verdict.eventId)) continue;
    refusals.set(verdict.eventId, verdict.refusal);
    if (verdict.event !== undefined) candidates.set(verdict.eventId, { event: verdict.event, gate });
  }
  const checked = await parts.federation.keyring.checkEvents([...candidates.values()].map(({ event }) => event));
  const events: ValidatedPdu[] = [];
  const endings: ValidatedPdu[] = [];
  for (const [index, [eventId, { gate }]] of [...candidates].entries()) {
    const verdict = checked[index];
    if (verdict?.ok === true) (gate.isOpen ? events : endings).push(verdict.event);
    else refusals.set(eventId, gate.isOpen ? (verdict?.message ?? 'The event was not checked.') : gate.refusal);
  }
  return { refusals, events, endings };
}

/** Once for each room that the transaction names, of which there are at most as many as events. */
async function findGates(
  parts: CheckParts,
  origin: string,
  pdus: readonly SentPdu[],
): Promise<ReadonlyMap<string, RoomGate>> {
  const roomIds = new Set(pdus.flatMap(({ roomId }) => roomId ?? []));
  const gates = new Map<string, RoomGate>();
  await Promise.all(
    [...roomIds].map(async (roomId) => void gates.set(roomId, await findRoomGate(parts, roomId, origin))),
  );
  return gates;
}

type Verdict = { readonly eventId: string; readonly refusal?: string; readonly event?: ValidatedPdu };

async function checkOne(parts: CheckParts, text: string, gate: RoomGate): Promise<Verdict | undefined> {
  const { room } = gate;
  const verdict = room === undefined ? undefined : validatePdu(text, room.version);
  if (!gate.isOpen) {
    const isEnding = verdict?.ok === true && (await endsMembership(parts, verdict.event));
    if (!isEnding) return refused(text, room?.version, gate.refusal);
  }
  if (verdict?.ok !== true) return refused(text, room?.version, verdict?.message ?? 'The room is not known.');
  // Keys that come twice, for one: the event is that of the room which its checked form names.
  if (verdict.event.roomId !== room?.roomId) return refused(text, room?.version, 'The event names another room.');
  return { eventId: verdict.event.eventId, event: verdict.event };
}

function refused(text: string, version: RoomVersion | undefined, refusal: string): Verdict | undefined {
  const eventId = findClaimedId(text, version);
  return eventId === undefined ? undefined : { eventId, refusal };
}

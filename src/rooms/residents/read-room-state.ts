/** Owns taking the state and auth chain that another server tells of a room: which of the events can be used. */
import type { Keyring } from '#federation/keyring.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { createEventIdOf } from '#matrix/hashes.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';

/** A room's state before an event, and all that permits it. */
export type ToldState = {
  readonly roomId: string;
  readonly version: RoomVersion;
  /** State and auth chain, each event once, cited before citing where that is possible. */
  readonly events: readonly ValidatedPdu[];
  /** The ids of the state, one of each type and state key. */
  readonly stateIds: readonly string[];
};

/** Events that are checked in one turn of the event loop. */
const EVENTS_AT_ONCE = 200;
/** State and auth chain together. */
const EVENTS_MAX = 500_000;

/**
 * Events that are no events, of other rooms, or not signed by whom they must be are left out: a join does not fail for a
 * few of them. Throws a BadAnswerError for a state without the room's create event, or with too many events.
 * Specification: Server-Server API, "Checks performed on receipt of a PDU", 1 to 3.
 */
export async function readRoomState(
  { keyring }: { readonly keyring: Pick<Keyring, 'checkEvents'> },
  room: { readonly roomId: string; readonly version: RoomVersion },
  told: { readonly state: readonly Uint8Array[]; readonly authChain: readonly Uint8Array[] },
): Promise<ToldState> {
  const { roomId, version } = room;
  if (told.state.length + told.authChain.length > EVENTS_MAX)
    throw new BadAnswerError('It answered with too many events.');
  const state = await readEvents(keyring, room, told.state);
  const authChain = await readEvents(keyring, room, told.authChain);
  const stateIds = new Map<string, string>();
  for (const { eventId, pdu } of state) {
    const key = joinedKey(pdu.type, pdu.state_key ?? '');
    // Two of one key cannot both be state; which is meant nobody can tell, and the first is as good as the other.
    if (!stateIds.has(key)) stateIds.set(key, eventId);
  }
  requireCreate(room, state, stateIds.get(joinedKey('m.room.create', '')));
  const events = inOrder([...state, ...authChain], version);
  return { roomId, version, events, stateIds: [...stateIds.values()] };
}

async function readEvents(
  keyring: Pick<Keyring, 'checkEvents'>,
  { roomId, version }: { readonly roomId: string; readonly version: RoomVersion },
  texts: readonly Uint8Array[],
): Promise<ValidatedPdu[]> {
  const usable: ValidatedPdu[] = [];
  for (let start = 0; start < texts.length; start += EVENTS_AT_ONCE) {
    const events = texts.slice(start, start + EVENTS_AT_ONCE).flatMap((text) => {
      const verdict = validatePdu(text, version);
      const isUsable = verdict.ok && verdict.event.roomId === roomId && verdict.event.pdu.state_key !== undefined;
      return isUsable ? [verdict.event] : [];
    });
    for (const checked of await keyring.checkEvents(events)) if (checked.ok) usable.push(checked.event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return usable;
}

/** Specification: Server-Server API, "Joining Rooms": the room version is that of the create event. */
function requireCreate(
  { roomId, version }: { readonly roomId: string; readonly version: RoomVersion },
  state: readonly ValidatedPdu[],
  createId: string | undefined,
): void {
  const create = state.find(({ eventId }) => eventId === createId);
  if (create === undefined) throw new BadAnswerError("It answered without the room's create event.");
  const { room_version: said = '1' } = create.pdu.content;
  if (said !== version.id) throw new BadAnswerError('It answered with a create event of another room version.');
  if (version.roomIdIsCreateHash && create.eventId !== createEventIdOf(roomId)) {
    throw new BadAnswerError('It answered with the create event of another room.');
  }
}

/** Each once, cited before citing; events that cite each other come last. */
function inOrder(events: readonly ValidatedPdu[], version: RoomVersion): ValidatedPdu[] {
  const open = new Map(events.map((event) => [event.eventId, event]));
  const ordered: ValidatedPdu[] = [];
  const seen = new Set<string>();
  // Without recursion: the chain may be as long as the answer.
  for (const first of open.values()) {
    const path: { readonly event: ValidatedPdu; readonly cites: readonly string[]; next: number }[] = [];
    const enter = (event: ValidatedPdu): void => {
      if (seen.has(event.eventId)) return;
      seen.add(event.eventId);
      path.push({ event, cites: authEventOf(event.pdu, event.eventId, version).auth_events, next: 0 });
    };
    enter(first);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const cited = top.cites[top.next++];
      if (cited === undefined) {
        ordered.push(top.event);
        path.pop();
        continue;
      }
      const event = open.get(cited);
      if (event !== undefined) enter(event);
    }
  }
  // From version 12 on nothing cites the create event, and everything needs it.
  return ordered.toSorted((a, b) => Number(b.pdu.type === 'm.room.create') - Number(a.pdu.type === 'm.room.create'));
}

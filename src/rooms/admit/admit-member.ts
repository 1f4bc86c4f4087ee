/** Owns admitting other servers' users: their joins, leaves and knocks, and what their servers are told of the room. */
import { MatrixError } from '#matrix/error.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { admitEvent } from '#rooms/admit/admit-event.ts';
import type { AdmitParts } from '#rooms/admit/admit-parts.ts';
import { findReducedState } from '#rooms/admit/reduced-state.ts';
import {
  requireMembershipEvent,
  vouchingUser,
  type SubmittedEvent,
  type Submission,
} from '#rooms/admit/require-membership-event.ts';
import { findShownPdus } from '#rooms/admit/shown-pdus.ts';
import { checkRestrictedJoin } from '#rooms/find-authorising-user.ts';
import { findMembershipInState } from '#rooms/find-room-state.ts';
import { eventPieces, findStateWithChain } from '#rooms/serve/state-pieces.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import { findHead, type KnownRoom } from '#storage/rooms/find-rooms.ts';

/**
 * Admits a join and gives the answer's JSON text in pieces: the state before it with all that this cites, the event as it is sent
 * to others, and the servers that were in the room. With `omitMembers` the state is what `findReducedState` says.
 * Throws, before the first piece, as `requireMembershipEvent` and `admitEvent` do, and what a restricted room says to somebody
 * who does not fulfil its conditions.
 * Specification: Server-Server API, `PUT /v2/send_join/{roomId}/{eventId}`.
 */
export async function admitJoin(
  parts: AdmitParts,
  origin: string,
  { omitMembers, ...submission }: Submission & { readonly omitMembers: boolean },
): Promise<AsyncIterable<string>> {
  const submitted = await requireMembershipEvent(parts, origin, submission, 'join');
  await requireVouchable(parts, submitted);
  const { room, event } = submitted;
  const servers = await findServersInRoom(parts.database, room.roomNid);
  await admitEvent(parts, event, { relay: true });
  const { stateBefore, eventNid } = await requirePlace(parts, event);
  const { stateNids, chainNids, membersOmitted } = omitMembers
    ? await findReducedState(parts, room, stateBefore, { eventNid, userId: event.pdu.sender })
    : { ...(await findStateWithChain(parts, room, stateBefore, [eventNid])), membersOmitted: false };
  const facts = `"members_omitted":${membersOmitted},"servers_in_room":${JSON.stringify(servers)}`;
  return eventPieces(parts.database, room.version, [
    [`{"event":${event.json},${facts},"auth_chain":[`, chainNids],
    ['],"state":[', stateNids],
  ]);
}

/** Admits a leave. Specification: Server-Server API, `PUT /v2/send_leave/{roomId}/{eventId}`. */
export async function admitLeave(parts: AdmitParts, origin: string, submission: Submission): Promise<void> {
  const { event } = await requireMembershipEvent(parts, origin, submission, 'leave');
  await admitEvent(parts, event, { relay: true });
}

/**
 * Admits a knock and gives the JSON texts of the events by which the user recognises the room. Specification: Server-Server
 * API, `PUT /v1/send_knock/{roomId}/{eventId}`.
 */
export async function admitKnock(parts: AdmitParts, origin: string, submission: Submission): Promise<string[]> {
  const { room, event } = await requireMembershipEvent(parts, origin, submission, 'knock');
  await admitEvent(parts, event, { relay: true });
  const { stateBefore } = await requirePlace(parts, event);
  return findShownPdus(parts, room, stateBefore);
}

async function requirePlace(
  { database }: AdmitParts,
  { eventId }: ValidatedPdu,
): Promise<{ readonly eventNid: number; readonly stateBefore: number }> {
  const place = (await findEventPlaces(database, [eventId])).get(eventId);
  if (place?.stateBefore === undefined) throw new Error(`The admitted event ${eventId} has no state before it.`);
  return { eventNid: place.eventNid, stateBefore: place.stateBefore };
}

/**
 * Throws unless this server may vouch for the join, if it is asked to: for who fulfils a condition of the restricted room, or could
 * enter without. Whether the vouching user has the power is for the auth rules to say.
 */
async function requireVouchable(parts: AdmitParts, { room, event }: SubmittedEvent): Promise<void> {
  const vouching = vouchingUser(event);
  if (vouching === undefined || !parts.isLocal(vouching)) return;
  const { sender: userId } = event.pdu;
  if (await isWelcome(parts, room, userId)) return;
  const verdict = await checkRestrictedJoin(parts, { userId }, room);
  if (verdict.kind === 'refused') throw new MatrixError(verdict.errcode, verdict.reason);
}

/** Who is in the room or invited may join, whatever the join rule is. */
async function isWelcome(parts: AdmitParts, room: KnownRoom, userId: string): Promise<boolean> {
  const head = await findHead(parts.database, room.roomNid);
  if (head === undefined) return false;
  const membership = await findMembershipInState(parts, room, head.stateRoot, userId);
  return membership === 'join' || membership === 'invite';
}

/**
 * Owns whose devices a client should look at again, and whose no longer. Never from the events of an answer, which
 * filters and limits leave out. Specification: Client-Server API, "Tracking the device list for a user".
 */
import type { ReadTx } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import {
  findDeviceListChanges,
  findEncryptedRooms,
  findJoinedUserNids,
  findMembershipChangesOf,
  findTrustChanges,
  findUserIds,
  findUsersSharing,
} from '#storage/streams/find-shared-users.ts';
import { findMembershipLog } from '#storage/streams/find-user-rooms.ts';
import { mayChangeMembers, membershipCodes, type EventFact } from '#streams/event-fact.ts';
import type { Streams } from '#streams/streams.ts';
import type { StreamPositions } from '#streams/sync-token.ts';
import { isCompletedIn, isSettled } from '#sync/skeleton.ts';
import { findRemoteCompany, type ChangedRooms } from '#sync/remote-company.ts';
import type { UserRoomsAt } from '#sync/user-rooms.ts';

export type DeviceLists = { readonly changed: readonly string[]; readonly left: readonly string[] };

type Parts = {
  readonly database: ReadTx;
  readonly tries: Pick<StateTries, 'diff'>;
  readonly streams: Streams;
  readonly isLocal: (id: string) => boolean;
};

export type DeviceListsRequest = {
  readonly userNid: number;
  readonly userId: string;
  readonly since: StreamPositions;
  readonly upTo: StreamPositions;
};

const { join } = membershipCodes;

/** What changed between two places in the streams, as who shares rooms now sees it. */
export async function findDeviceLists(
  parts: Parts,
  request: DeviceListsRequest,
  at: UserRoomsAt,
): Promise<DeviceLists> {
  const { database } = parts;
  const { userNid } = request;
  const changers = await findChangers(parts, request, at);
  const trusted = await findTrusted(parts, request);
  const rooms = await findChangedRooms(parts, request, at);
  const { came, went } = await findCompany(database, rooms, request);
  // The user is among those who came where they entered a room themselves: their other devices are new to its members.
  const sharing = await findUsersSharing(database, userNid, [...came, ...went], { encrypted: true });
  const changed = new Set([...changers, ...trusted, ...came.filter((other) => sharing.has(other))]);
  const left = new Set(went.filter((other) => !sharing.has(other) && !changed.has(other) && other !== userNid));
  const ids = await findUserIds(database, [...changed, ...left]);
  const idsOf = (userNids: Iterable<number>): string[] => [...userNids].flatMap((nid) => ids.get(nid) ?? []);
  const span = { after: request.since[0], upTo: request.upTo[0] };
  const remote = await findRemoteCompany({ ...parts, events: parts.streams.events }, userNid, rooms, span);
  const changedIds = new Set([...idsOf(changed), ...remote.changed]);
  return { changed: [...changedIds], left: [...idsOf(left), ...remote.left.filter((id) => !changedIds.has(id))] };
}

/** Those who changed their devices and share a room with the user, and the user. */
async function findChangers(
  { database, streams }: Parts,
  { userNid, since, upTo }: DeviceListsRequest,
  at: UserRoomsAt,
): Promise<readonly number[]> {
  const [, , , after] = since;
  const [, , , last] = upTo;
  if (after >= last) return [];
  const changes = streams.deviceLists.since(after);
  if (changes === undefined) return findDeviceListChanges(database, userNid, after, last);
  const isJoined = (roomNid: number): boolean => at.rooms.get(roomNid)?.membership === join;
  return changes
    .filter(({ kind, pos }) => kind === 'deviceLists' && pos <= last)
    .filter((change) => change.userNid === userNid || change.audience.some(isJoined))
    .map((change) => change.userNid);
}

/** Those whose keys the user has signed, of which nobody else hears. */
async function findTrusted(
  { database, streams: { deviceLists } }: Parts,
  { userNid, since, upTo }: DeviceListsRequest,
): Promise<readonly number[]> {
  const [, , , after] = since;
  const [, , , last] = upTo;
  if (after >= last) return [];
  const isNone = deviceLists.reachesBackTo(after) && !deviceLists.hasSince('trust', userNid, after);
  return isNone ? [] : findTrustChanges(database, userNid, after, last);
}

async function findChangedRooms(
  { database, streams }: Parts,
  { userNid, userId, since, upTo }: DeviceListsRequest,
  at: UserRoomsAt,
): Promise<ChangedRooms> {
  const [after] = since;
  const [last] = upTo;
  const { events } = streams;
  const dataSpan = { since: since[1], horizon: upTo[1] };
  // Its members are new to the user, whenever they came into the room.
  const completed = at.completed
    .filter((room) => room.membership === join && isCompletedIn(room, dataSpan))
    .map(({ roomNid }) => roomNid);
  if (after >= last && completed.length === 0) return { stayed: [], gained: [], lost: [] };
  const log =
    after >= last || isSettled(events, userId, after) ? [] : await findMembershipLog(database, userNid, after, last);
  const own = Map.groupBy(log, (row) => row.room_nid);
  const gained: number[] = [];
  const lost: number[] = [];
  for (const [roomNid, [first]] of own) {
    const was = first?.was === join;
    const isJoined = at.rooms.get(roomNid)?.membership === join;
    if (was && !isJoined) lost.push(roomNid);
    if (!was && isJoined) gained.push(roomNid);
  }
  const entered = new Set([...gained, ...completed]);
  const stayed: number[] = [];
  for (const roomNid of at.joinedNids) {
    if (entered.has(roomNid)) continue;
    const facts = events.reachesBackTo(after) ? events.roomFactsSince(roomNid, after) : undefined;
    if (facts?.some(isEncryption) === true) gained.push(roomNid);
    else if (facts === undefined || facts.some(mayChangeMembers)) stayed.push(roomNid);
  }
  gained.push(...completed);
  const encrypted = new Set(await findEncryptedRooms(database, [...stayed, ...gained, ...lost]));
  const onlyEncrypted = (rooms: readonly number[]): number[] => rooms.filter((roomNid) => encrypted.has(roomNid));
  return { stayed: onlyEncrypted(stayed), gained: onlyEncrypted(gained), lost: onlyEncrypted(lost) };
}

/** Members of a room whose encryption begins are as new as those of a room that one enters. */
function isEncryption({ type, stateKey }: EventFact): boolean {
  return type === 'm.room.encryption' && stateKey === '';
}

/** Who came into the user's company and who went out of it, in some room at least. */
async function findCompany(
  database: ReadTx,
  { stayed, gained, lost }: ChangedRooms,
  { userNid, since, upTo }: DeviceListsRequest,
): Promise<{ readonly came: readonly number[]; readonly went: readonly number[] }> {
  const changes = await findMembershipChangesOf(database, [...stayed, ...gained, ...lost], since[0], upTo[0]);
  const joins = changes.filter(({ membership, was }) => membership === join && was !== join);
  const departures = changes.filter(({ membership, was }) => was === join && membership !== join);
  const inGained = (await findJoinedUserNids(database, gained)).filter((other) => other !== userNid);
  const inLost = await findJoinedUserNids(database, lost);
  return {
    came: [...new Set([...joins.map((row) => row.user_nid), ...inGained])],
    went: [...new Set([...departures.map((row) => row.user_nid), ...inLost])],
  };
}

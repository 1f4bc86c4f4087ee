/** Owns the presence of others in a sync. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { MatrixError } from '#matrix/error.ts';
import {
  findChangedPresence,
  findPresence,
  findPresenceOf,
  findPresenceAmong,
  findPresentIn,
  type PresenceOfUser,
  type StoredPresence,
} from '#storage/streams/find-presence.ts';
import { findRemoteAmongUs, findUsersSharing } from '#storage/streams/find-shared-users.ts';
import { findUserNid } from '#storage/users/find-user-nid.ts';
import { membershipCodes } from '#streams/event-fact.ts';
import type { RoomPlan } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';
import type { UserRoomsAt } from '#sync/user-rooms.ts';

const USERS_MAX = 500;

/**
 * The `m.presence` of those whose presence changed, of those who are there in rooms that are new to the client, and of
 * those who are new in a room. Those whom the user ignores are as if they were not there.
 */
export async function collectPresence(
  parts: SyncParts,
  window: SyncWindow & { readonly ignored: ReadonlySet<string> },
  plans: readonly RoomPlan[],
  at: UserRoomsAt,
): Promise<string[]> {
  const { database, clock, config } = parts;
  if (!config.presence.enabled) return [];
  const { userNid, filter, since, ignored } = window;
  const isNew = ({ full, section }: RoomPlan): boolean => section === 'join' && (full || since === undefined);
  const fresh = plans.filter(isNew).map(({ roomNid }) => roomNid);
  const present = await findPresentIn(database, userNid, fresh, USERS_MAX);
  const changed = await findPresenceOf(database, await findChanged(parts, window, at));
  const newcomers = await findNewcomers(parts, window, at);
  const byUser = new Map([...present, ...newcomers, ...changed].map((user) => [user.userNid, user]));
  return [...byUser.values()]
    .filter(({ userId }) => !ignored.has(userId) && filter.presence.matches('m.presence', userId))
    .map((user) => eventJson(user, clock.now()));
}

async function findChanged(
  { database, streams: { ephemeral } }: SyncParts,
  { since, userNid, horizons }: SyncWindow,
  at: UserRoomsAt,
): Promise<readonly number[]> {
  if (since === undefined || since[4] >= horizons[4]) return [];
  const changes = ephemeral.since(since[4]);
  if (changes === undefined) return findChangedPresence(database, userNid, since[4], at.joinedNids, USERS_MAX);
  const isJoined = (roomNid: number): boolean => at.rooms.get(roomNid)?.membership === membershipCodes.join;
  const told = changes.filter(({ kind, audience }) => kind === 'presence' && audience.some(isJoined));
  return [...new Set(told.map((change) => change.userNid))].filter((other) => other !== userNid);
}

/** A client that was away for longer than the ring reaches back hears of newcomers when their presence changes next. */
async function findNewcomers(
  { database, streams: { events } }: SyncParts,
  { since, userId, horizons }: SyncWindow,
  at: UserRoomsAt,
): Promise<readonly PresenceOfUser[]> {
  if (since === undefined || since[0] >= horizons[0] || !events.reachesBackTo(since[0])) return [];
  const userIds = new Set<string>();
  const roomNids = new Set<number>();
  for (const roomNid of at.joinedNids) {
    for (const { type, stateKey, membership, pos } of events.roomFactsSince(roomNid, since[0])) {
      if (type !== 'm.room.member' || membership !== 'join' || pos > horizons[0]) continue;
      if (stateKey === undefined || stateKey === userId || userIds.size >= USERS_MAX) continue;
      userIds.add(stateKey);
      roomNids.add(roomNid);
    }
  }
  return findPresenceAmong(database, [...userIds], [...roomNids]);
}

function eventJson(user: PresenceOfUser, now: number): string {
  const { displayname, avatarUrl } = user;
  const content = JSON.stringify({
    ...contentOf(user, now),
    ...(displayname !== null && { displayname }),
    ...(avatarUrl !== null && { avatar_url: avatarUrl }),
  });
  return `{"type":"m.presence","sender":${canonicalString(user.userId)},"content":${content}}`;
}

/** A user's presence on the wire. Throws M_FORBIDDEN unless they share a room with the reader, or are the reader. */
export async function requirePresence(
  { database, clock, config }: Pick<SyncParts, 'database' | 'clock' | 'config'>,
  reader: { readonly userId: string; readonly userNid: number },
  userId: string,
): Promise<object> {
  const userNid = await findUserNid(database, userId);
  const mayAsk =
    userNid === reader.userNid ||
    (userNid !== undefined &&
      (await findUsersSharing(database, reader.userNid, [userNid], { encrypted: false })).has(userNid)) ||
    (await findRemoteAmongUs(database, [userId], reader.userNid)).has(userId);
  if (userNid === undefined || !mayAsk) {
    throw new MatrixError('M_FORBIDDEN', 'You share no room with this user, so their presence is not for you to see.');
  }
  const stored = config.presence.enabled ? await findPresence(database, userNid) : undefined;
  return stored === undefined ? { presence: 'offline' } : contentOf(stored, clock.now());
}

function contentOf(
  { presence, statusMsg, lastActiveAt }: StoredPresence,
  now: number,
): Record<string, string | number | boolean> {
  return {
    presence,
    last_active_ago: Math.max(0, now - lastActiveAt),
    ...(presence === 'online' && { currently_active: true }),
    ...(statusMsg !== null && { status_msg: statusMsg }),
  };
}

/** Owns replacing a room by one of another version. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import { eventPowerLevel, userPowerLevel, type RoomPower } from '#matrix/power-levels.ts';
import { persistRoom, requireNewRoom, requireVersion } from '#rooms/create-room.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import { contentOf, findMemberEvents, findStateEvents, findStateEventsOfType } from '#rooms/find-room-state.ts';
import { requireJoinedRoomOfAll, type MembersParts } from '#rooms/partial/require-members.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { buildClosing, buildReplacement, carriedTypes, type OldState } from '#rooms/upgrade/build-replacement.ts';
import { carrySettings, type CarryParts } from '#rooms/upgrade/carry-settings.ts';
import type { Tx } from '#storage/database.ts';
import { findRoomTimeline, type StoredEvent } from '#storage/rooms/find-events.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import { moveAliases } from '#storage/rooms/write-aliases.ts';
import { movePublished } from '#storage/rooms/write-published.ts';

/** Bans, and children of a space, that are carried over. */
const BANS_MAX = 1_000;
const CHILDREN_MAX = 1_000;
const CREATORS_MAX = 100;

export type UpgradeRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly versionId: string;
  readonly additionalCreators: readonly string[];
};

/**
 * Makes the new room, then closes the old one, whose aliases and place in the directory go over in the same moment; answers
 * the new room's id. Should the second step fail, a repetition makes another room and nothing leads to the first.
 * Throws M_UNSUPPORTED_ROOM_VERSION, M_INVALID_PARAM, and M_FORBIDDEN unless the user may send a tombstone.
 * Specification: Client-Server API, "Room upgrades".
 */
export async function upgradeRoom(
  parts: RoomWriteParts & CarryParts & MembersParts,
  request: UpgradeRequest,
): Promise<string> {
  const { user, roomId } = request;
  const version = requireVersion(request.versionId);
  const additionalCreators = version.privilegedCreators ? requireCreators(request) : [];
  // Who is banned is carried over.
  const { room, root } = await requireJoinedRoomOfAll(parts, user, { roomId });
  const power = await findRoomPower(parts, room, root);
  if (userPowerLevel(power, user.userId) < eventPowerLevel(power, 'm.room.tombstone', true)) {
    throw new MatrixError('M_FORBIDDEN', 'You have not the power to say that this room is replaced.');
  }
  const [last] = await findRoomTimeline(parts.database, room.roomNid, { direction: 'b', limit: 1 });
  const users = await findLocalUsers(parts.database, [user.userId]);
  const state = await findCarriedState(parts, room, root, power);
  const events = buildReplacement({
    version,
    oldRoomId: roomId,
    lastEventId: last?.eventId ?? '',
    oldPower: power,
    upgrader: users.get(user.userId) ?? { userId: user.userId, displayname: undefined, avatarUrl: undefined },
    additionalCreators,
    state,
    bans: await findBans(parts, room, root),
  });
  const newRoomId = await persistRoom(parts, { room: { create: version }, events });
  const newRoom = await requireNewRoom(parts, newRoomId);
  const hasAlias = state.some(({ type }) => type === 'm.room.canonical_alias');
  const { tombstone, restrictions } = buildClosing(user.userId, newRoomId, power, hasAlias);
  const alongside = async (tx: Tx): Promise<void> => {
    await moveAliases(tx, room.roomNid, newRoom.roomNid);
    await movePublished(tx, room.roomNid, newRoom.roomNid);
  };
  const close = (closing: readonly DraftEvent[]): Promise<unknown> =>
    parts.persistEvents({ room: { roomId }, events: closing, alongside });
  await close([tombstone, ...restrictions]).catch((error: unknown) => {
    // The power to replace a room is not always the power to silence it.
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') return close([tombstone]);
    throw error;
  });
  await carrySettings(parts, user, newRoom, { isOwnRoom: true });
  return newRoomId;
}

function requireCreators({ user, additionalCreators }: UpgradeRequest): string[] {
  const odd = additionalCreators.find((id) => !isUserId(id));
  if (odd !== undefined)
    throw new MatrixError('M_INVALID_PARAM', `"${odd}" in "additional_creators" is not a user id.`);
  const creators = [...new Set(additionalCreators)].filter((id) => id !== user.userId);
  if (creators.length <= CREATORS_MAX) return creators;
  throw new MatrixError('M_INVALID_PARAM', `A room has ${CREATORS_MAX} additional creators at most.`);
}

async function findCarriedState(
  parts: RoomWriteParts,
  room: KnownRoom,
  root: StateRoot,
  { create }: RoomPower,
): Promise<OldState[]> {
  const events = await findStateEvents(
    parts,
    room.roomNid,
    root,
    carriedTypes.map((type) => [type, ''] as const),
  );
  const isSpace = create.content['type'] === 'm.space';
  const children = isSpace ? await findStateEventsOfType(parts, room.roomNid, root, 'm.space.child') : [];
  const read = (event: StoredEvent): OldState => oldStateOf(event, room);
  return [...events.map(read), ...children.map(read).filter(isChild).slice(0, CHILDREN_MAX)];
}

async function findBans(parts: RoomWriteParts, room: KnownRoom, root: StateRoot): Promise<OldState[]> {
  const members = await findMemberEvents(parts, room.roomNid, root);
  const states = members.map((event) => oldStateOf(event, room));
  return states.filter(({ content }) => content['membership'] === 'ban').slice(0, BANS_MAX);
}

function oldStateOf(event: StoredEvent, { version }: KnownRoom): OldState {
  return { type: event.type, stateKey: event.stateKey ?? '', content: contentOf(event, version) };
}

function isChild({ content }: OldState): boolean {
  return Array.isArray(content['via']) && content['via'].length > 0;
}

/** Owns making a room of this server. */
import type { Logger } from '#core/logger.ts';
import { MatrixError } from '#matrix/error.ts';
import { isRoomAlias, isUserId, serverNameOf } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion, roomVersions, type RoomVersion } from '#matrix/room-versions.ts';
import { inviteRemoteUser, type RemoteInviteParts } from '#rooms/admit/invite-remote-user.ts';
import { requireAliases } from '#rooms/aliases/check-canonical-alias.ts';
import { buildRoomEvents, checkCreationContent, type InitialState, type RoomPreset } from '#rooms/build-room.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import type { PersistEvents, PersistRequest, PersistResult } from '#rooms/persist-request.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { carrySettings, type CarryParts } from '#rooms/upgrade/carry-settings.ts';
import type { ReadTx, Tx } from '#storage/database.ts';
import { findAliases } from '#storage/rooms/find-aliases.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { writeAlias } from '#storage/rooms/write-aliases.ts';
import { writePublished } from '#storage/rooms/write-published.ts';

export type CreateRoomParts = CarryParts & RemoteInviteParts & { readonly logger: Pick<Logger, 'info'> };

export type CreateRoomRequest = {
  readonly creator: RoomUser;
  readonly versionId: string;
  readonly preset: RoomPreset;
  readonly creationContent?: JsonObject | undefined;
  readonly powerLevelOverride?: JsonObject | undefined;
  readonly initialState?: readonly InitialState[] | undefined;
  readonly name?: string | undefined;
  readonly topic?: string | undefined;
  readonly invite?: readonly string[] | undefined;
  readonly isDirect?: boolean | undefined;
  /** Localpart of an alias on the creator's server. */
  readonly aliasName?: string | undefined;
  /** Whether the directory lists the room. */
  readonly isPublished?: boolean | undefined;
};

/** Users of other servers who are invited at the same time. */
const REMOTE_INVITES_AT_ONCE = 5;

/**
 * Makes the room with all its first events, its alias and its place in the directory, or not at all, and answers its id.
 * Users of other servers are invited once it is there; it stays without those whose servers refuse or do not answer. Throws M_UNSUPPORTED_ROOM_VERSION, M_INVALID_PARAM, M_ROOM_IN_USE for an alias that is taken, and
 * M_INVALID_ROOM_STATE where the room's own rules would refuse one of the events.
 */
export async function createRoom(parts: CreateRoomParts, request: CreateRoomRequest): Promise<string> {
  const version = requireVersion(request.versionId);
  const creationContent = request.creationContent ?? {};
  const refusal = checkCreationContent(creationContent, isUserId);
  if (refusal !== undefined) throw new MatrixError('M_INVALID_PARAM', refusal);
  const { userId } = request.creator;
  const alias = request.aliasName === undefined ? undefined : requireNewAlias(request.aliasName, userId);
  checkInitialState(request.initialState ?? [], alias);
  const invitedIds = [...new Set(request.invite)].filter((id) => id !== userId);
  const invitedElsewhere = invitedIds.filter((id) => !parts.isLocal(id));
  const isDirect = request.isDirect ?? false;
  const [own, invited, taken] = await Promise.all([
    findLocalUsers(parts.database, [userId]),
    requireInvitable(parts, invitedIds),
    findAliases(parts.database, alias === undefined ? [] : [alias]),
  ]);
  if (taken.size > 0) throw aliasInUse(alias);
  const events = buildRoomEvents({
    version,
    creator: own.get(userId) ?? { userId, displayname: undefined, avatarUrl: undefined },
    preset: request.preset,
    creationContent,
    powerLevelOverride: request.powerLevelOverride ?? {},
    initialState: request.initialState ?? [],
    name: request.name,
    topic: request.topic,
    alias,
    invited: invitedIds.flatMap((id) => invited.get(id) ?? []),
    invitedElsewhere,
    isDirect,
  });
  const isNamed = alias !== undefined || request.isPublished === true;
  const alongside = (tx: Tx, room: PersistResult): Promise<void> => writeNames(parts, tx, request, room, alias);
  const roomId = await persistRoom(parts, { room: { create: version }, events, ...(isNamed && { alongside }) });
  await inviteElsewhere(parts, { roomId, senderId: userId, isDirect }, invitedElsewhere);
  if (creationContent['predecessor'] !== undefined) {
    await carrySettings(parts, request.creator, await requireNewRoom(parts, roomId), { isOwnRoom: true });
  }
  return roomId;
}

async function inviteElsewhere(
  parts: CreateRoomParts,
  { roomId, senderId, isDirect }: { readonly roomId: string; readonly senderId: string; readonly isDirect: boolean },
  invitedIds: readonly string[],
): Promise<void> {
  const content = buildMemberContent('invite', undefined, { isDirect });
  const invite = async (invitedId: string): Promise<void> => {
    try {
      await inviteRemoteUser(parts, { roomId, senderId, invitedId, content });
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      parts.logger.info({ err: error, roomId }, 'a user of another server was not invited to a new room');
    }
  };
  for (let at = 0; at < invitedIds.length; at += REMOTE_INVITES_AT_ONCE) {
    await Promise.all(invitedIds.slice(at, at + REMOTE_INVITES_AT_ONCE).map(invite));
  }
}

/** The room that was made a moment ago. */
export async function requireNewRoom({ database }: { readonly database: ReadTx }, roomId: string): Promise<KnownRoom> {
  const room = await findRoom(database, roomId);
  if (room === undefined) throw new Error('A room that was just made has vanished.');
  return room;
}

/** Throws M_UNSUPPORTED_ROOM_VERSION for a version that this server does not know. */
export function requireVersion(versionId: string): RoomVersion {
  const version = findRoomVersion(versionId);
  if (version !== undefined) return version;
  const known = [...roomVersions.keys()].join(', ');
  throw new MatrixError(
    'M_UNSUPPORTED_ROOM_VERSION',
    `This server knows the room versions ${known}, not "${versionId}".`,
  );
}

/** Answers the id of the new room; what its auth rules refuse is the fault of the request. */
export async function persistRoom(
  { persistEvents }: { readonly persistEvents: PersistEvents },
  request: PersistRequest,
): Promise<string> {
  try {
    return (await persistEvents(request)).roomId;
  } catch (error) {
    if (!(error instanceof MatrixError) || !['M_FORBIDDEN', 'M_BAD_JSON'].includes(error.errcode)) throw error;
    throw new MatrixError('M_INVALID_ROOM_STATE', error.message, { cause: error });
  }
}

function checkInitialState(initialState: readonly InitialState[], alias: string | undefined): void {
  for (const { type, state_key: stateKey = '', content } of initialState) {
    if (type === 'm.room.member') {
      throw new MatrixError('M_INVALID_PARAM', 'Members are not made by "initial_state"; use "invite".');
    }
    if (type !== 'm.room.canonical_alias' || stateKey !== '') continue;
    const stray = requireAliases(content).find((one) => one !== alias);
    if (stray !== undefined) throw new MatrixError('M_BAD_ALIAS', `The alias ${stray} does not lead to this room.`);
  }
}

function requireNewAlias(localpart: string, creatorId: string): string {
  const alias = `#${localpart}:${serverNameOf(creatorId)}`;
  if (localpart !== '' && !localpart.includes(':') && isRoomAlias(alias)) return alias;
  throw new MatrixError('M_INVALID_PARAM', '"room_alias_name" must be what stands between "#" and ":" of an alias.');
}

function aliasInUse(alias: string | undefined): MatrixError {
  return new MatrixError('M_ROOM_IN_USE', `The alias ${alias} is taken by another room.`);
}

async function writeNames(
  { clock }: CreateRoomParts,
  tx: Tx,
  { creator, isPublished }: CreateRoomRequest,
  { roomNid }: PersistResult,
  alias: string | undefined,
): Promise<void> {
  const now = clock.now();
  if (alias !== undefined) {
    const isFree = await writeAlias(tx, { alias, roomNid, creatorNid: creator.userNid, createdAt: now });
    if (!isFree) throw aliasInUse(alias);
  }
  if (isPublished === true) await writePublished(tx, roomNid, now);
}

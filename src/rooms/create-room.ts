/** Owns making a room of this server. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { buildRoomEvents, checkCreationContent, type InitialState, type RoomPreset } from '#rooms/build-room.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';

export type CreateRoomParts = {
  readonly database: ReadTx;
  readonly persistEvents: PersistEvents;
  readonly isLocal: (id: string) => boolean;
  readonly creatableRoomVersions: readonly string[];
};

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
};

/**
 * Makes the room with all its first events or not at all, and answers its id. Throws M_UNSUPPORTED_ROOM_VERSION,
 * M_INVALID_PARAM, and M_FORBIDDEN where the room's own rules would refuse one of the events.
 */
export async function createRoom(parts: CreateRoomParts, request: CreateRoomRequest): Promise<string> {
  const version = findRoomVersion(request.versionId);
  if (version === undefined || !parts.creatableRoomVersions.includes(version.id)) {
    const versions = parts.creatableRoomVersions.join(', ');
    throw new MatrixError(
      'M_UNSUPPORTED_ROOM_VERSION',
      `This server makes rooms of version ${versions}, not of version "${request.versionId}".`,
    );
  }
  const creationContent = request.creationContent ?? {};
  const refusal = checkCreationContent(creationContent, isUserId);
  if (refusal !== undefined) throw new MatrixError('M_INVALID_PARAM', refusal);
  if (request.initialState?.some((event) => event.type === 'm.room.member') === true) {
    throw new MatrixError('M_INVALID_PARAM', 'Members are not made by "initial_state"; use "invite".');
  }
  const { userId } = request.creator;
  const invitedIds = [...new Set(request.invite)].filter((id) => id !== userId);
  const [own, invited] = await Promise.all([
    findLocalUsers(parts.database, [userId]),
    requireInvitable(parts, invitedIds),
  ]);
  const events = buildRoomEvents({
    version,
    creator: own.get(userId) ?? { userId, displayname: undefined, avatarUrl: undefined },
    preset: request.preset,
    creationContent,
    powerLevelOverride: request.powerLevelOverride ?? {},
    initialState: request.initialState ?? [],
    name: request.name,
    topic: request.topic,
    invited: invitedIds.flatMap((id) => invited.get(id) ?? []),
    isDirect: request.isDirect ?? false,
  });
  return (await parts.persistEvents({ room: { create: version }, events })).roomId;
}

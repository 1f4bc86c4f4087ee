/** Owns what admitting other servers' users takes, and the question whether this server can. */
import type { Clock } from '#core/clock.ts';
import type { Keyring } from '#federation/keyring.ts';
import { MatrixError } from '#matrix/error.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import type { RoomWriteParts } from '#rooms/room-parts.ts';
import { requireServerAllowed, type ServedRoom } from '#rooms/serve/require-server.ts';
import type { Interned } from '#storage/interned.ts';
import { isServerInRoom } from '#storage/rooms/find-room-servers.ts';

export type AdmitParts = RoomWriteParts & {
  readonly clock: Clock;
  readonly interned: Interned;
  readonly ownKeys: OwnKeys;
  readonly federation: { readonly keyring: Keyring; readonly isEnabled: boolean };
};

/**
 * A room of which this server knows all of the state, as somebody of it is joined. Throws M_NOT_FOUND for every other one, so
 * that another server is asked, and M_FORBIDDEN where the room's access list shuts the asking server out.
 */
export async function requireResidentRoom(parts: AdmitParts, roomId: string, origin: string): Promise<ServedRoom> {
  const served = await requireServerAllowed(parts, roomId, origin);
  const { serverName } = parts.ownKeys.signer;
  // What it knew when the last of its users left is not the room's state any more.
  if (!(await isServerInRoom(parts.database, served.room.roomNid, serverName))) {
    throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
  }
  if (!served.isPartial) return served;
  throw new MatrixError('M_NOT_FOUND', "This server does not know all of the room's members yet: ask another one.");
}

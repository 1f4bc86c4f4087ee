/** Owns saying that a member of a room types, or has ceased to. */
import type { Clock } from '#core/clock.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import type { Streams } from '#streams/streams.ts';
import { startTyping, stopTyping } from '#streams/typing.ts';

const TIMEOUT_MS = 30_000;
const TIMEOUT_MS_MAX = 120_000;

/** Who types does so for the time given, half a minute unless said, two minutes at most. Throws M_FORBIDDEN. */
export async function setTyping(
  parts: RoomReadParts & { readonly streams: Pick<Streams, 'write'>; readonly clock: Clock },
  user: RoomUser,
  roomId: string,
  typing: { readonly isTyping: boolean; readonly timeoutMs: number | undefined },
): Promise<void> {
  const { room } = await requireJoinedRoom(parts, user, roomId);
  const typist = { roomNid: room.roomNid, userNid: user.userNid };
  if (!typing.isTyping) return stopTyping(parts, typist);
  return startTyping(parts, typist, Math.min(typing.timeoutMs ?? TIMEOUT_MS, TIMEOUT_MS_MAX));
}

/** Owns what other servers say of who types. Specification: Server-Server API, "Typing Notifications". */
import type { JsonObject } from '#matrix/pdu.ts';
import { findEduRoom, isUserOf, isJoined, type EduParts } from '#rooms/receive/edu-room.ts';
import { startTyping, stopTyping } from '#streams/typing.ts';

/** As no end of it may ever be told. */
const TYPING_MS = 30_000;

/** What does not fit, or is not theirs to say, is ignored. */
export async function takeTyping(parts: EduParts, origin: string, content: JsonObject): Promise<void> {
  const { room_id: roomId, user_id: userId, typing } = content;
  if (typeof roomId !== 'string' || !isUserOf(origin, userId) || typeof typing !== 'boolean') return;
  const served = await findEduRoom(parts, roomId, origin);
  if (served === undefined || !(await isJoined(parts, served, userId))) return;
  await parts.interned.internUsers([userId]);
  const userNid = parts.interned.knownUser(userId);
  if (userNid === undefined) return;
  const typist = { roomNid: served.room.roomNid, userNid };
  if (typing) await startTyping(parts, typist, TYPING_MS);
  else await stopTyping(parts, typist);
}

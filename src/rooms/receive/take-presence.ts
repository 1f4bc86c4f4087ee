/** Owns what other servers say of whether their users are there. Specification: Server-Server API, "Presence". */
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { isUserOf, type EduParts } from '#rooms/receive/edu-room.ts';
import { findRemoteAmongUs } from '#storage/streams/find-shared-users.ts';
import { persistRemotePresence, type RemotePresence } from '#streams/presence.ts';

/** What is more in one message is not read. */
const USERS_MAX = 100;
const STATUS_BYTES_MAX = 1_000;
const presences = ['online', 'unavailable', 'offline'] as const;

type Told = Omit<RemotePresence, 'userNid'> & { readonly userId: string };

/** Of users who share no room with anybody here nothing is kept. What does not fit, or is not theirs to say, is ignored. */
export async function takePresence(
  parts: EduParts & { readonly config: { readonly presence: { readonly enabled: boolean } } },
  origin: string,
  { push }: JsonObject,
): Promise<void> {
  if (!parts.config.presence.enabled || !Array.isArray(push)) return;
  const told = push.slice(0, USERS_MAX).flatMap((entry) => readPresence(entry, origin, parts.clock.now()) ?? []);
  const shared = await findRemoteAmongUs(
    parts.database,
    told.map(({ userId }) => userId),
  );
  const known = told.filter(({ userId }) => shared.has(userId));
  if (known.length === 0) return;
  await parts.interned.internUsers(known.map(({ userId }) => userId));
  const users = known.flatMap(({ userId, ...presence }) => {
    const userNid = parts.interned.knownUser(userId);
    return userNid === undefined ? [] : [{ userNid, ...presence }];
  });
  await persistRemotePresence(parts, users);
}

function readPresence(entry: JsonValue, origin: string, now: number): Told | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { user_id: userId, presence: given, status_msg: statusMsg = null, last_active_ago: ago = 0 } = entry;
  const presence = presences.find((each) => each === given);
  if (!isUserOf(origin, userId) || presence === undefined) return undefined;
  if (typeof ago !== 'number' || !Number.isSafeInteger(ago) || ago < 0 || ago > now) return undefined;
  const isStatus = typeof statusMsg === 'string' && Buffer.byteLength(statusMsg) <= STATUS_BYTES_MAX;
  const told = isStatus && !statusMsg.includes('\0') ? statusMsg : null;
  return { userId, presence, statusMsg: told, lastActiveAt: now - ago };
}

/** Owns the summary of a single room, for those who may know of it. */
import { MatrixError } from '#matrix/error.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { resolveRoom, type ResolveParts } from '#rooms/aliases/resolve-alias.ts';
import { findKnownRooms, mayKnowOfRemote } from '#rooms/directory/known-rooms.ts';
import { roomSummaryEntry } from '#rooms/directory/outside-view.ts';
import type { RemoteRooms } from '#rooms/spaces/remote-rooms.ts';
import { findSummarisedRooms } from '#storage/rooms/find-published.ts';
import { membershipCodes } from '#streams/event-fact.ts';

const membershipNames = new Map<number | undefined, string>(
  Object.entries(membershipCodes).map(([name, code]) => [code, name]),
);

/** For how long one request asks other servers. */
const REMOTE_MS = 10_000;

export type SummaryParts = ResolveParts & { readonly remoteRooms: RemoteRooms };

/**
 * Of a room that is not here, what the servers of `via` tell of it, of the alias or of the room id. Throws M_NOT_FOUND in
 * the same words for a room that is nowhere to be found and for one that the user may not know of.
 * Specification: Client-Server API, `GET /room_summary/{roomIdOrAlias}`.
 */
export async function requireRoomSummary(
  parts: SummaryParts,
  userNid: number | undefined,
  { roomIdOrAlias, via }: { readonly roomIdOrAlias: string; readonly via: readonly string[] },
): Promise<Record<string, unknown>> {
  const { roomId, servers } = await resolveRoom(parts, roomIdOrAlias);
  const known = (await findKnownRooms(parts, userNid, [roomId])).get(roomId);
  if (known === undefined) return requireRemoteSummary(parts, userNid, roomId, [...via, ...servers]);
  const membership = known.membership === undefined ? undefined : membershipNames.get(known.membership);
  return { ...roomSummaryEntry(known.room), ...(membership !== undefined && { membership }) };
}

async function requireRemoteSummary(
  parts: SummaryParts,
  userNid: number | undefined,
  roomId: string,
  servers: readonly string[],
): Promise<Record<string, unknown>> {
  const isHere = (await findSummarisedRooms(parts.database, [roomId])).length > 0;
  const ownServer = serverNameOf(roomId);
  const via = [...servers, ...(ownServer === undefined ? [] : [ownServer])].filter((name) => !parts.isLocal(name));
  const deadlineMs = parts.clock.monotonicMs() + REMOTE_MS;
  // Whoever is not logged in makes this server ask nobody.
  const isAsked = !isHere && userNid !== undefined;
  const remote = isAsked ? await parts.remoteRooms.find(roomId, via, deadlineMs) : undefined;
  if (remote === undefined || !(await mayKnowOfRemote(parts, userNid, remote.summary))) {
    throw new MatrixError('M_NOT_FOUND', 'There is no such room, or it is not for you to see.');
  }
  return remote.summary;
}

/** Owns listing the threads of a room. */
import { redactJson } from '#matrix/redaction.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import { findReadableEnd, requirePageOrder, type TokenParts } from '#rooms/find-page-position.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import { findEventsByNids, type StoredEvent } from '#storage/rooms/find-events.ts';
import { findThreads } from '#storage/rooms/find-relations.ts';
import { findUserNids } from '#storage/users/find-ignored.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

export type ThreadsRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly include: 'all' | 'participated';
  readonly from: string | undefined;
  readonly limit: number;
};

export type ThreadsPage = {
  readonly reader: RoomReader;
  readonly chunk: readonly StoredEvent[];
  readonly nextBatch: string | undefined;
};

/**
 * The roots of threads, those first that somebody wrote in last. Throws M_FORBIDDEN, and M_INVALID_PARAM for a token that
 * is none of the room. Specification: Client-Server API, "Querying threads in a room".
 */
export async function findRoomThreads(
  parts: TokenParts & { readonly ignoredUsers: IgnoredUsers },
  request: ThreadsRequest,
): Promise<ThreadsPage> {
  const { user, limit, from } = request;
  const { database } = parts;
  const reader = await requireRoomReader(parts, user, request.roomId);
  const { roomNid, version } = reader.room;
  const ignored = await parts.ignoredUsers.find(user.userNid);
  const ceiling = reader.kind === 'left' ? await findReadableEnd(parts, reader) : Number.MAX_SAFE_INTEGER;
  const read = await findThreads(database, {
    roomNid,
    userNid: user.userNid,
    ignoredNids: await findUserNids(database, ignored),
    onlyParticipated: request.include === 'participated',
    before: from === undefined ? ceiling : await requirePageOrder(parts, roomNid, from),
    ceiling,
    limit: limit + 1,
  });
  const page = read.slice(0, limit);
  const roots = new Map<number, StoredEvent>();
  for (const root of await findEventsByNids(
    database,
    page.map((row) => row.root_nid),
  )) {
    roots.set(root.eventNid, root);
  }
  const ordered = page.flatMap((row) => roots.get(row.root_nid) ?? []);
  const last = page.at(-1);
  return {
    reader,
    // The root stays even if its sender is ignored, without what they wrote.
    chunk: (await selectVisible(parts, user, reader, ordered)).map((root) =>
      ignored.has(root.sender) ? { ...root, json: redactJson(root.json, version) } : root,
    ),
    nextBatch:
      read.length > limit && last !== undefined ? formatPageToken({ roomNid, order: last.latest_order }) : undefined,
  };
}

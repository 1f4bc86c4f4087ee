/** Owns paging through the directory of this server's published rooms. */
import { MatrixError } from '#matrix/error.ts';
import { directoryEntry } from '#rooms/directory/outside-view.ts';
import { formatDirectoryToken, parseDirectoryToken } from '#rooms/directory/directory-token.ts';
import type { ReadTx } from '#storage/database.ts';
import {
  countListedRooms,
  findListedRooms,
  type DirectoryPlace,
  type DirectoryRange,
  type SummarisedRoom,
} from '#storage/rooms/find-published.ts';

/** Rooms that one search looks at; the next page goes on from there. */
const SCANNED_MAX = 20_000;
const SCAN_BATCH = 1_000;
const SEARCH_TERM_LENGTH_MAX = 1_000;

export type PublicRoomsRequest = {
  readonly since: string | undefined;
  readonly limit: number;
  /** What name, topic or alias must contain, whatever the case of its letters. */
  readonly searchTerm: string | undefined;
  readonly roomTypes: readonly (string | null)[] | undefined;
};

/**
 * A page of the directory: most members first, then the newest rooms. Throws M_INVALID_PARAM for a token that is none.
 * Specification: Client-Server API, "Published room directory".
 */
export async function listPublicRooms(
  { database }: { readonly database: ReadTx },
  request: PublicRoomsRequest,
): Promise<Record<string, unknown>> {
  const { searchTerm, roomTypes, limit } = request;
  const since = request.since === undefined ? undefined : parseDirectoryToken(request.since);
  if (request.since !== undefined && since === undefined) {
    throw new MatrixError('M_INVALID_PARAM', '"since" is not a token that this server gave.');
  }
  const direction = since?.direction ?? 'next';
  const matches = compileSearch(searchTerm);
  const { rooms, more } = await scan(database, { direction, from: since?.place, roomTypes, limit }, matches);
  const ordered = direction === 'next' ? rooms : rooms.toReversed();
  const [first, last] = [ordered[0], ordered.at(-1)];
  // Where a page was asked for by a token, the side that it was asked from has more.
  const next = direction === 'next' ? more : last && placeOf(last);
  const previous = direction === 'previous' ? more && first && placeOf(first) : since && first && placeOf(first);
  return {
    chunk: ordered.map(directoryEntry),
    ...(next && { next_batch: formatDirectoryToken({ direction: 'next', place: next }) }),
    ...(previous && { prev_batch: formatDirectoryToken({ direction: 'previous', place: previous }) }),
    // Of a search nobody knows without looking at every room.
    ...(matches === undefined && { total_room_count_estimate: await countListedRooms(database, roomTypes) }),
  };
}

type Matches = (room: SummarisedRoom) => boolean;

/** Up to `limit` rooms of the range, and, if there may be more, the place of the last that was looked at. */
async function scan(
  database: ReadTx,
  { limit, ...range }: DirectoryRange,
  matches: Matches | undefined,
): Promise<{ readonly rooms: readonly SummarisedRoom[]; readonly more: DirectoryPlace | undefined }> {
  const rooms: SummarisedRoom[] = [];
  const batch = matches === undefined ? limit : SCAN_BATCH;
  let { from } = range;
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += batch) {
    const read = await findListedRooms(database, { ...range, from, limit: batch + 1 });
    for (const [index, room] of read.slice(0, batch).entries()) {
      from = placeOf(room);
      if (matches?.(room) === false) continue;
      rooms.push(room);
      if (rooms.length === limit) return { rooms, more: index + 1 < read.length ? from : undefined };
    }
    if (read.length <= batch) return { rooms, more: undefined };
  }
  return { rooms, more: from };
}

function placeOf(room: SummarisedRoom): DirectoryPlace {
  return { joinedCount: room.joined_count, roomNid: room.room_nid };
}

/** Folded here: the database compares bytes and knows no letters beyond ASCII. */
function compileSearch(searchTerm: string | undefined): Matches | undefined {
  const term = fold(searchTerm?.slice(0, SEARCH_TERM_LENGTH_MAX) ?? '').trim();
  if (term === '') return undefined;
  return ({ name, topic, canonical_alias: alias }) =>
    [name, topic, alias].some((text) => text !== null && fold(text).includes(term));
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

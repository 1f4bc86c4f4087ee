/** Owns the tokens by which the directory of rooms is paged through. */
import type { DirectoryPlace } from '#storage/rooms/find-published.ts';

export type DirectoryToken = { readonly direction: 'next' | 'previous'; readonly place: DirectoryPlace };

const form = /^d1\.([np])\.(\d{1,16})\.(\d{1,16})$/;

/** `d1.<n or p>.<members>.<room>`: a place stays good when the room that it was made of leaves the list. */
export function formatDirectoryToken({ direction, place }: DirectoryToken): string {
  return `d1.${direction === 'next' ? 'n' : 'p'}.${place.joinedCount}.${place.roomNid}`;
}

/** The token's meaning, or undefined if this is not such a token. */
export function parseDirectoryToken(token: string): DirectoryToken | undefined {
  const match = form.exec(token);
  if (match === null) return undefined;
  const [joinedCount, roomNid] = [Number(match[2]), Number(match[3])];
  if (!Number.isSafeInteger(joinedCount) || !Number.isSafeInteger(roomNid)) return undefined;
  return { direction: match[1] === 'n' ? 'next' : 'previous', place: { joinedCount, roomNid } };
}

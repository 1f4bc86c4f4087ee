/** Owns reading the tokens that name a place in a room's history: pages' own and those of `/sync`. */
import { MatrixError } from '#matrix/error.ts';
import { parsePageToken } from '#rooms/page-token.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { findOrderAt, findStateRootBefore } from '#storage/rooms/find-events.ts';
import { findFirstStateRoot, findStateRootAt } from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import { parseSyncToken, type StreamPositions, type SyncToken } from '#streams/sync-token.ts';

const EMPTY_ROOT = 0;

export type TokenParts = RoomReadParts & {
  readonly streams: {
    /** The positions of this epoch that those of a token mean. */
    positionsInEpoch(token: SyncToken): StreamPositions | undefined;
  };
};

/** The order before which everything is older than the token. Throws M_INVALID_PARAM for what is no token of this room. */
export async function requirePageOrder(parts: TokenParts, roomNid: number, token: string): Promise<number> {
  const page = parsePageToken(token);
  if (page !== undefined) {
    if (page.roomNid === roomNid) return page.order;
    throw new MatrixError('M_INVALID_PARAM', 'The token is of another room.');
  }
  return orderAfter(await findOrderAt(parts.database, roomNid, requireSyncPosition(parts, token)));
}

/** The state that a reader may see at the token; never a later one than the reader's own. */
export async function requireRootAt(parts: TokenParts, reader: RoomReader, token: string): Promise<StateRoot> {
  const { database } = parts;
  const { roomNid } = reader.room;
  if (parsePageToken(token) === undefined) {
    const pos = requireSyncPosition(parts, token);
    const isLater = reader.leftPos !== undefined && pos >= reader.leftPos;
    return isLater ? reader.root : ((await findStateRootAt(database, roomNid, pos)) ?? 0);
  }
  const order = await requirePageOrder(parts, roomNid, token);
  const end = await findReadableEnd(parts, reader);
  if (order >= end) return reader.root;
  const root = await findStateRootBefore(database, roomNid, order);
  if (root === undefined) return reader.root;
  // Before its first event a room has neither members nor state: who asks means those with whom it began.
  return root === EMPTY_ROOT ? ((await findFirstStateRoot(database, roomNid)) ?? reader.root) : root;
}

/** The order below which everything lies that the reader could see at all. */
export async function findReadableEnd(parts: Pick<RoomReadParts, 'database'>, reader: RoomReader): Promise<number> {
  if (reader.leftPos === undefined) return orderAfter(reader.lastOrder);
  return orderAfter(await findOrderAt(parts.database, reader.room.roomNid, reader.leftPos));
}

function orderAfter(order: number | undefined): number {
  return order === undefined ? Number.MIN_SAFE_INTEGER : order + 1;
}

function requireSyncPosition(parts: TokenParts, token: string): number {
  const sync = parseSyncToken(token);
  const pos = sync === undefined ? undefined : parts.streams.positionsInEpoch(sync)?.[0];
  if (pos === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is not a token that this server gave.');
  return pos;
}

/** Owns the removal of a room, step by step: each step may be done again, and the next process goes on where one died. */
import { MatrixError } from '#matrix/error.ts';
import { leaveRoom } from '#rooms/change-membership.ts';
import { firstPlace, purgeStages, removeLatecomers, ROWS_OF_BATCH_MAX } from '#rooms/purge/purge-stages.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import type { RemovedRoom } from '#storage/removable-rows.ts';
import { doubtRoom } from '#storage/rooms/find-rooms.ts';
import { closeRoom, deletePurgedRoom, findRoomToPurge, findUsersPresent } from '#storage/rooms/purge-room.ts';

export type PurgePayload = {
  readonly roomId: string;
  /** Users of this server who are in the room are made to leave it; otherwise it stays while somebody is. */
  readonly isForced: boolean;
  readonly place?: PurgePlace;
};

/** How far it is. In the stages of rows the room's number is the one under which it was closed. */
type PurgePlace =
  | { readonly stage: 'leaving'; readonly afterNid: number }
  | { readonly stage: 'closing' }
  | { readonly stage: string; readonly roomNid: number; readonly after: number };

export type PurgeStep = { readonly payload: PurgePayload; readonly pauseMs: number } | undefined;

const LEAVING_AT_ONCE = 50;
/** Clients that are connected are told within it that their users have left. */
const FAREWELL_MS = 60_000;
/** Requests that found the room before it was closed have ended by then, whatever they read or wrote. */
const SETTLE_MS = 10_000;

/**
 * Does one step, of less than a second, and gives the payload of the next one and how long it has to wait; undefined when
 * nothing of the room is left, or when it stays because somebody is in it.
 */
export async function purgeSomeOfRoom(parts: RoomWriteParts, payload: PurgePayload): Promise<PurgeStep> {
  const { roomId, place } = payload;
  if (place !== undefined && 'roomNid' in place) return removeRows(parts, payload, place);
  const room = await findRoomToPurge(parts.database, roomId);
  if (room === undefined) return undefined;
  if (payload.isForced && place?.stage !== 'closing') {
    const afterNid = await leaveSome(parts, room, place !== undefined && 'afterNid' in place ? place.afterNid : 0);
    if (afterNid !== undefined) return next(payload, { stage: 'leaving', afterNid });
    if (place !== undefined) return { ...next(payload, { stage: 'closing' }), pauseMs: FAREWELL_MS };
  }
  const isClosed = await parts.database.transaction((tx) =>
    closeRoom(tx, room, { ifEmpty: !payload.isForced, limit: ROWS_OF_BATCH_MAX }),
  );
  if (!isClosed) return undefined;
  return { ...next(payload, { ...firstPlace, roomNid: room.roomNid }), pauseMs: SETTLE_MS };
}

function next(payload: PurgePayload, place: PurgePlace) {
  return { payload: { ...payload, place }, pauseMs: 0 };
}

/** Makes a page of local users leave; the number of the last one, or undefined when nobody is left. */
async function leaveSome(parts: RoomWriteParts, room: RemovedRoom, afterNid: number): Promise<number | undefined> {
  const users = await findUsersPresent(parts.database, room.roomNid, { afterNid, limit: LEAVING_AT_ONCE });
  await Promise.all(users.map((user) => leave(parts, user, room.roomId)));
  return users.at(-1)?.userNid;
}

async function leave(parts: RoomWriteParts, sender: RoomUser, roomId: string): Promise<void> {
  try {
    await leaveRoom(parts, { roomId, sender });
  } catch (error) {
    // A room in which not even leaving is possible any more is removed all the same.
    if (!(error instanceof MatrixError) || error.status >= 500) throw error;
  }
}

async function removeRows(
  { database }: RoomWriteParts,
  payload: PurgePayload,
  place: { readonly stage: string; readonly roomNid: number; readonly after: number },
): Promise<PurgeStep> {
  const room: RemovedRoom = { roomNid: place.roomNid, roomId: payload.roomId };
  const index = purgeStages.findIndex(({ name }) => name === place.stage);
  // A stage that this version does not know is begun with: what is gone costs a look each.
  const stage = purgeStages[Math.max(0, index)];
  if (stage === undefined) throw new Error('A purge has stages.');
  const after = await stage.removeSome(database, room, place.after);
  if (after !== undefined) return next(payload, { ...place, stage: stage.name, after });
  const following = purgeStages[Math.max(0, index) + 1];
  if (following !== undefined) return next(payload, { ...firstPlace, roomNid: place.roomNid, stage: following.name });
  await database.transaction(async (tx) => {
    await deletePurgedRoom(tx, room.roomNid);
    await removeLatecomers(tx, room);
  });
  doubtRoom(database, room.roomId);
  return undefined;
}

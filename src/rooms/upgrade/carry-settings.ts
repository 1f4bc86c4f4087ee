/** Owns carrying what a user has noted about a room to the room that replaces it. */
import type { Logger } from '#core/logger.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findPredecessorId } from '#rooms/upgrade/find-predecessor.ts';
import { findReplacementId } from '#storage/rooms/find-published.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findRoomAccountData } from '#storage/users/find-room-account-data.ts';
import type { StreamTx, WriteStreams } from '#streams/stream-writer.ts';
import { changeAccountData } from '#users/account-data.ts';

export type CarryParts = RoomReadParts & {
  readonly logger: Logger;
  readonly streams: { readonly write: WriteStreams };
};

/** What belongs to the history of one room and says nothing in another. */
const bound: ReadonlySet<string> = new Set(['m.fully_read']);

/**
 * Gives the user's tags, other account data and push rule of a room to the one that replaces it, and counts it among the
 * direct chats if the other was; what is there already stays. For joins the old room must name the new one, or anybody could pass their
 * room off as another. A failure is logged: the user is in the room all the same.
 * Specification: Client-Server API, "Room upgrades", "Server behaviour".
 */
export async function carrySettings(
  parts: CarryParts,
  user: RoomUser,
  room: KnownRoom,
  options: { readonly isOwnRoom: boolean },
): Promise<void> {
  try {
    const oldId = await findPredecessorId(parts, room);
    const old = oldId === undefined ? undefined : await findRoom(parts.database, oldId);
    if (old === undefined || old.roomNid === room.roomNid) return;
    if (!options.isOwnRoom && (await findReplacementId(parts.database, old.roomNid)) !== room.roomId) return;
    const noted = await findRoomAccountData(parts.database, user.userNid, old.roomNid);
    await parts.streams.write('userData', async (tx) => {
      for (const { type, content } of noted) {
        if (bound.has(type)) continue;
        const key = { userNid: user.userNid, roomNid: room.roomNid, type };
        await changeAccountData(tx, key, (present) => (present === undefined ? JSON.stringify(content) : undefined));
      }
      await carryDirect(tx, user, old.roomId, room.roomId);
      await carryPushRule(tx, user, old.roomId, room.roomId);
    });
  } catch (error) {
    parts.logger.warn({ err: error }, 'settings of a room were not carried to the one that replaces it');
  }
}

async function carryDirect(tx: StreamTx, { userNid }: RoomUser, oldId: string, newId: string): Promise<void> {
  await changeAccountData(tx, { userNid, roomNid: 0, type: 'm.direct' }, (text) => {
    const direct: unknown = text === undefined ? undefined : JSON.parse(text);
    if (!isObject(direct)) return undefined;
    let isChanged = false;
    const carried = Object.entries(direct).map(([userId, rooms]: [string, unknown]) => {
      if (!Array.isArray(rooms) || !rooms.includes(oldId) || rooms.includes(newId)) return [userId, rooms];
      isChanged = true;
      return [userId, [...rooms, newId]];
    });
    return isChanged ? JSON.stringify(Object.fromEntries(carried)) : undefined;
  });
}

/** Rules of the kind `room` have the room's id for their own. */
async function carryPushRule(tx: StreamTx, { userNid }: RoomUser, oldId: string, newId: string): Promise<void> {
  await changeAccountData(tx, { userNid, roomNid: 0, type: 'm.push_rules' }, (text) => {
    const rules: unknown = text === undefined ? undefined : JSON.parse(text);
    const global = memberOf(rules, 'global');
    const ofRooms = memberOf(global, 'room');
    if (!Array.isArray(ofRooms)) return undefined;
    const list: readonly unknown[] = ofRooms;
    const rule = list.find((one) => memberOf(one, 'rule_id') === oldId);
    if (!isObject(rule) || list.some((one) => memberOf(one, 'rule_id') === newId)) return undefined;
    if (!isObject(rules) || !isObject(global)) return undefined;
    return JSON.stringify({ ...rules, global: { ...global, room: [{ ...rule, rule_id: newId }, ...list] } });
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function memberOf(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

/** Owns noticing that a user of this server may share a room with servers that have not heard of the user's devices. */
import { isUserId } from '#matrix/ids.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import type { Clock } from '#core/clock.ts';
import type { Tx } from '#storage/database.ts';
import type { Interned } from '#storage/interned.ts';
import { findJoinedNids } from '#storage/rooms/find-joined-users.ts';
import { selectSharedRooms } from '#storage/rooms/write-remote-members.ts';
import { persistWorkItems } from '#storage/work-items.ts';
import type { AnnouncementPayload } from '#users/remote/announce-devices.ts';

/** Whether there is anything to tell, and to whom, is found out later, off the way of the join. */
export function sharedDevices({
  interned,
  isLocal,
  clock,
}: {
  readonly interned: Interned;
  readonly isLocal: (id: string) => boolean;
  readonly clock: Clock;
}): Projection {
  return {
    name: 'shared_devices',
    concerns: ({ event, isState, replaced }) =>
      isState &&
      event.type === 'm.room.member' &&
      isUserId(event.state_key ?? '') &&
      isLocal(event.state_key ?? '') &&
      isJoin(event) &&
      !(replaced !== undefined && isJoin(replaced)),
    async apply(tx, events) {
      const roomNids = [...new Set(events.map(({ view }) => view.roomNid))];
      const shared = new Set((await tx.query(selectSharedRooms, [roomNids])).map((row) => row.room_nid));
      const entered = events.flatMap(({ event, view: { roomNid } }) => {
        const userNid = interned.knownUser(event.state_key ?? '');
        return userNid === undefined || !shared.has(roomNid) ? [] : [{ userNid, roomNid }];
      });
      await ask(tx, entered, clock.now());
    },
    /** There may be servers in the room of which nobody knew. */
    async rebuild(tx, { roomNid }) {
      const entered = (await findJoinedNids(tx, roomNid)).map((userNid) => ({ userNid, roomNid }));
      await ask(tx, entered, clock.now());
    },
  };
}

async function ask(tx: Tx, entered: readonly AnnouncementPayload[], now: number): Promise<void> {
  const items = new Map(entered.map((payload) => [`${payload.userNid} ${payload.roomNid}`, JSON.stringify(payload)]));
  if (items.size === 0) return;
  await persistWorkItems(
    tx,
    Array.from(items, ([key, payload]) => ({ kind: 'devices_shared' as const, key, payload })),
    now,
  );
}

const isJoin = ({ content }: AuthEvent): boolean => content['membership'] === 'join';

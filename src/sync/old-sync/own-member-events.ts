/** Owns the events by which a user came to be invited or to knock, of which a sync tells the stripped state alone. */
import { renderEvent } from '#rooms/render-events.ts';
import { findEventsByNids } from '#storage/rooms/find-events.ts';
import { findMembership, findRoom } from '#storage/rooms/find-rooms.ts';
import type { PlainEvent } from '#sync/old-sync/sync-answer.ts';
import type { SyncParts } from '#sync/sync-request.ts';

/** The user's member event in a room, in the format for clients; undefined where it has none that is here. */
export async function findOwnMemberEvent(
  { database, clock }: Pick<SyncParts, 'database' | 'clock'>,
  user: { readonly userNid: number; readonly deviceNid: number },
  roomId: string,
): Promise<PlainEvent | undefined> {
  const room = await findRoom(database, roomId);
  const own = room && (await findMembership(database, user.userNid, room.roomNid));
  if (room === undefined || own?.eventNid === undefined) return undefined;
  const [stored] = await findEventsByNids(database, [own.eventNid]);
  if (stored === undefined) return undefined;
  const { version } = room;
  const event: PlainEvent = JSON.parse(
    renderEvent(stored, { roomId, deviceNid: user.deviceNid, now: clock.now(), version }),
  );
  return event;
}

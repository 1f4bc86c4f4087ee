/** Owns the record of where an event goes that neither its sender nor the room's members tell. */
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import { insertEventDestinations } from '#storage/rooms/write-room-servers.ts';

/**
 * Events whose senders are ours go to the room's servers, others do not; a row is for what differs. Without servers it says
 * that the event is ours to send. A server in it is that of a user who is not in the room after the event: it is told of
 * their being invited, kicked and banned. Null says that somebody else sends an event of a user of ours, such as the server by
 * which the user has joined.
 */
export function eventDestinations({ isLocal }: { readonly isLocal: (id: string) => boolean }): Projection {
  const destinationsOf = ({ event: { type, state_key: target = '', sender, content } }: ProjectedEvent): string[] => {
    if (type !== 'm.room.member' || !isUserId(target) || content['membership'] === 'join') return [];
    const serverName = serverNameOf(target);
    return serverName === undefined || isLocal(target) || target === sender ? [] : [serverName];
  };
  return {
    name: 'event_destinations',
    concerns(projected) {
      if (!projected.isNew || projected.sending === 'relayed') return projected.isNew;
      if (!isLocal(projected.event.sender)) return false;
      return projected.sending === 'theirs' || destinationsOf(projected).length > 0;
    },
    async apply(tx, events) {
      await tx.query(insertEventDestinations, [
        events.map(({ row }) => row.eventNid),
        events.map(({ sending }) => sending !== 'theirs'),
        events.map((projected) => destinationsOf(projected)[0] ?? null),
      ]);
    },
  };
}

/** Owns the record of where an event goes that neither its sender nor the room's members tell. */
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import { insertEventDestinations } from '#storage/rooms/write-room-servers.ts';

/**
 * A row without servers says that an event of another server is ours to send to the room. Servers in it are those of
 * users who are not in the room after the event: they are told of being invited, kicked and banned.
 */
export function eventDestinations({ isLocal }: { readonly isLocal: (id: string) => boolean }): Projection {
  const destinationsOf = ({ event: { type, state_key: target = '', sender, content } }: ProjectedEvent): string[] => {
    if (type !== 'm.room.member' || !isUserId(target) || content['membership'] === 'join') return [];
    const serverName = serverNameOf(target);
    return serverName === undefined || isLocal(target) || target === sender ? [] : [serverName];
  };
  return {
    name: 'event_destinations',
    concerns: (projected) =>
      projected.isNew &&
      (projected.isRelayed || (isLocal(projected.event.sender) && destinationsOf(projected).length > 0)),
    async apply(tx, events) {
      await tx.query(insertEventDestinations, [
        events.map(({ row }) => row.eventNid),
        events.map((projected) => destinationsOf(projected)[0] ?? null),
      ]);
    },
  };
}

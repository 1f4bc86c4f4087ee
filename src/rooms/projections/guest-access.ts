/** Owns noticing that a room takes guests no more: those who are in it are then to leave, which is work for later. */
import type { Clock } from '#core/clock.ts';
import type { GuestRemovalPayload } from '#rooms/guests/remove-guests.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import type { Tx } from '#storage/database.ts';
import { persistWorkItems } from '#storage/work-items.ts';

export function guestAccess({ clock }: { readonly clock: Clock }): Projection {
  return {
    name: 'guest_access',
    concerns: ({ event, isState, replaced }) =>
      isState &&
      event.type === 'm.room.guest_access' &&
      event.state_key === '' &&
      replaced?.content['guest_access'] === 'can_join' &&
      event.content['guest_access'] !== 'can_join',
    async apply(tx, events) {
      await askForGuestRemoval(
        tx,
        events.map(({ view }) => view.roomId),
        clock.now(),
      );
    },
  };
}

/** Asks that guests leave these rooms, if they still take none by then. */
export async function askForGuestRemoval(tx: Tx, roomIds: readonly string[], now: number): Promise<void> {
  const items = [...new Set(roomIds)].map((roomId) => {
    const payload: GuestRemovalPayload = { roomId, afterNid: 0 };
    return { kind: 'guest_access_ended', key: roomId, payload: JSON.stringify(payload) } as const;
  });
  await persistWorkItems(tx, items, now);
}

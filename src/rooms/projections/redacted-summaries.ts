/** Owns taking out of `room_summary` what a redaction takes out of the room's state. */
import type { Clock } from '#core/clock.ts';
import { askForGuestRemoval } from '#rooms/projections/guest-access.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import { isValidRedaction } from '#rooms/projections/redactions.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { patchSummaries, selectRedactedState } from '#storage/rooms/write-projections.ts';

/** By event type the column that a redacted event leaves empty. Join rules and the like keep what they say. */
export const emptiedColumns: ReadonlyMap<string, string> = new Map([
  ['m.room.name', 'name'],
  ['m.room.avatar', 'avatar_url'],
  ['m.room.topic', 'topic'],
  ['m.room.canonical_alias', 'canonical_alias'],
  ['m.room.encryption', 'encryption'],
  ['m.room.tombstone', 'tombstone'],
  ['m.room.guest_access', 'guest_access'],
]);

/** Most redactions are of messages, of which the first statement finds nothing. */
export function redactedSummaries(
  { tries, clock }: { readonly tries: StateTries; readonly clock: Clock },
  redactions: Projection,
): Projection {
  return {
    name: 'redacted_summaries',
    concerns: (projected) => redactions.concerns(projected),
    async apply(tx, events) {
      const ids = events.map(({ event }) => event.redacts ?? '');
      const targets = await tx.query(selectRedactedState, [ids, [...emptiedColumns.keys()]]);
      const patches = new Map<number, Record<string, null>>();
      const shutToGuests: string[] = [];
      for (const target of targets) {
        const redacting = events.filter(({ event }) => event.redacts === target.event_id);
        const valid = redacting.find((projected) => isValidRedaction(projected, target) === true);
        if (valid === undefined) continue;
        const { roomNid, head } = valid.view;
        // What has been replaced since says nothing any more.
        if ((await tries.find(tx, roomNid, head.root, target.key_nid)) !== target.event_nid) continue;
        if (target.type === 'm.room.guest_access') shutToGuests.push(valid.view.roomId);
        patches.set(roomNid, { ...patches.get(roomNid), [emptiedColumns.get(target.type) ?? '']: null });
      }
      if (patches.size === 0) return;
      const columns = Array.from(patches.values(), (patch) => JSON.stringify(patch));
      await tx.query(patchSummaries, [[...patches.keys()], columns]);
      if (shutToGuests.length > 0) await askForGuestRemoval(tx, shutToGuests, clock.now());
    },
  };
}

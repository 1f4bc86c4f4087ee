/** Owns the record of which event redacts which, and whether it may; it is applied when events are read. */
import { canRedact } from '#matrix/power-levels.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import { entryOf, type ViewParts } from '#rooms/persist/room-view.ts';
import { rebuildRedactions } from '#rooms/projections/rebuild-redactions.ts';
import { breakRelations, insertRedactions, selectRedactionTargets } from '#storage/rooms/write-projections.ts';

type Target = { readonly room_nid: number; readonly sender: string };

export function redactions(parts: Omit<ViewParts, 'database'>): Projection {
  return {
    name: 'redactions',
    concerns: ({ event, isNew }) =>
      isNew && event.type === 'm.room.redaction' && event.redacts !== undefined && !event.redacts.includes('\0'),
    async apply(tx, events) {
      const ids = events.map(({ event }) => event.redacts ?? '');
      const rows = await tx.query(selectRedactionTargets, [ids]);
      const targets = new Map(rows.map((row) => [row.event_id, row]));
      const valid = events.map((projected, index) => isValidRedaction(projected, targets.get(ids[index] ?? '')));
      await tx.query(insertRedactions, [
        ids,
        events.map(({ row }) => row.eventNid),
        events.map(({ view }) => view.roomNid),
        valid,
      ]);
      await tx.query(breakRelations, [ids.filter((_, index) => valid[index] === true)]);
    },
    rebuild: (tx, view) => rebuildRedactions(parts, tx, view),
  };
}

/** Null for a target that is not here yet: it is judged when it comes. Specification: Room Versions, "Handling redactions". */
export function isValidRedaction({ event, levels, view }: ProjectedEvent, target: Target | undefined): boolean | null {
  if (target === undefined) return null;
  const create = entryOf(view, 'm.room.create', '')?.event;
  if (target.room_nid !== view.roomNid || create === undefined) return false;
  // Versions 1 and 2: the auth rules have judged already.
  if (view.version.redactionAuthRule) return true;
  return canRedact({ version: view.version, create, levels: levels?.content }, event.sender, target.sender);
}

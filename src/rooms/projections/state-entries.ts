/** Owns a room's state as its projections see it: each entry as if it were new. */
import { piecesOf } from '#core/pieces.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { ProjectedEvent } from '#rooms/persist/projection.ts';
import { loadEntries, type RoomView, type ViewParts } from '#rooms/persist/room-view.ts';
import type { ReadTx } from '#storage/database.ts';
import { selectRedacted } from '#storage/rooms/rebuild-projections.ts';

/** Entries read at once: each brings its event's text. */
const entriesAtOnce = 1_000;

/** The oldest event first. Of redacted events of the types given nothing is shown. */
export async function stateEntries(
  parts: ViewParts,
  view: RoomView,
  emptiedTypes: { has(type: string): boolean },
): Promise<ProjectedEvent[]> {
  const entries = await parts.tries.entries(parts.database, view.roomNid, view.head.root);
  const nids = entries.map(([, eventNid]) => eventNid).toSorted((left, right) => left - right);
  const found: ProjectedEvent[] = [];
  for (const some of piecesOf(nids, entriesAtOnce)) {
    const loaded = await loadEntries(parts.database, view.version, some);
    const inOrder = [...loaded.values()].toSorted((left, right) => left.eventNid - right.eventNid);
    const isEmptied = await findEmptied(
      parts.database,
      inOrder.map(({ event }) => event),
      emptiedTypes,
    );
    for (const { event, eventNid } of inOrder) {
      const shown = isEmptied.has(event.eventId) ? { ...event, content: {} } : event;
      const entry = { event: shown, row: { eventNid, membership: undefined }, replaced: undefined, levels: undefined };
      found.push({ ...entry, view, isNew: false, sending: 'theirs' as const, isState: true, earlyRedactions: [] });
    }
  }
  return found;
}

/** Those of the events that a redaction has left without what a projection reads of them. */
export async function findEmptied(
  database: ReadTx,
  events: readonly AuthEvent[],
  emptiedTypes: { has(type: string): boolean },
): Promise<ReadonlySet<string>> {
  const ids = events.filter(({ type }) => emptiedTypes.has(type)).map(({ eventId }) => eventId);
  if (ids.length === 0) return new Set();
  return new Set((await database.query(selectRedacted, [ids])).map(({ target }) => target));
}

/** Owns the snapshots of state that invited and knocking users of this server are shown. */
import { stripEvent, strippedStateKeys } from '#matrix/stripped-state.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import { completeView, entryOf, loadEntries, type RoomView, type ViewParts } from '#rooms/persist/room-view.ts';
import type { Tx } from '#storage/database.ts';
import { deleteRoomSnapshots, selectShown } from '#storage/rooms/rebuild-projections.ts';
import { deleteSnapshots, writeSnapshots } from '#storage/rooms/write-projections.ts';

const isShown = ({ row }: ProjectedEvent): boolean => row.membership?.now === 1 || row.membership?.now === 5;
const wasShown = ({ row }: ProjectedEvent): boolean => row.membership?.was === 1 || row.membership?.was === 5;

export function strippedSnapshots(parts: Omit<ViewParts, 'database'>): Projection {
  return {
    name: 'stripped_snapshots',
    concerns: (projected) => isShown(projected) || wasShown(projected),
    async apply(tx, events) {
      // The newest of each user and room decides.
      const newest = new Map(
        events.map((projected) => [`${projected.row.membership?.userNid} ${projected.view.roomNid}`, projected]),
      );
      const shown = [...newest.values()].filter(isShown);
      const gone = [...newest.values()].filter((projected) => !isShown(projected));
      if (gone.length > 0) await tx.query(deleteSnapshots, keyColumns(gone));
      if (shown.length === 0) return;
      const states: string[] = [];
      for (const projected of shown) states.push(await snapshotOf(parts, tx, projected));
      await tx.query(writeSnapshots, [...keyColumns(shown), states]);
    },
    async rebuild(tx, view) {
      await tx.query(deleteRoomSnapshots, [view.roomNid]);
      const rows = await tx.query(selectShown, [view.roomNid]);
      const own = await loadEntries(
        tx,
        view.version,
        rows.map((row) => row.event_nid),
      );
      const users: number[] = [];
      const states: string[] = [];
      for (const { user_nid: userNid, event_nid: eventNid, root } of rows) {
        const event = own.get(eventNid)?.event;
        if (event === undefined) continue;
        const at: RoomView = { ...view, head: { ...view.head, root }, state: new Map() };
        users.push(userNid);
        states.push(await snapshotOf(parts, tx, { event, view: at }));
      }
      await tx.query(writeSnapshots, [users, users.map(() => view.roomNid), states]);
    },
  };
}

function keyColumns(events: readonly ProjectedEvent[]): [(number | undefined)[], number[]] {
  return [events.map(({ row }) => row.membership?.userNid), events.map(({ view }) => view.roomNid)];
}

/** A JSON array of stripped events; reads only what the writer's view lacks, which is remembered there. */
async function snapshotOf(
  parts: Omit<ViewParts, 'database'>,
  tx: Tx,
  { event, view }: Pick<ProjectedEvent, 'event' | 'view'>,
): Promise<string> {
  const keys = strippedStateKeys(event.sender);
  await completeView({ ...parts, database: tx }, view, keys);
  const shown = keys.map(([type, stateKey]) => entryOf(view, type, stateKey)?.event).filter((own) => own !== undefined);
  return JSON.stringify([...shown, event].map(stripEvent));
}

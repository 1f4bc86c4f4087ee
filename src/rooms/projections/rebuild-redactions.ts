/** Owns judging all redactions of a room anew. */
import { authEventOf } from '#matrix/auth-event.ts';
import { canRedact } from '#matrix/power-levels.ts';
import { readStoredPdu } from '#matrix/pdu-checks.ts';
import { completeView, entryOf, type RoomView, type ViewParts } from '#rooms/persist/room-view.ts';
import type { Tx } from '#storage/database.ts';
import {
  deleteOtherRedactions,
  selectRoomRedactions,
  upsertRedactions,
  type StoredRedactionRow,
} from '#storage/rooms/rebuild-projections.ts';
import { selectRedactionTargets } from '#storage/rooms/write-projections.ts';

const redactionsAtOnce = 500;

type Judged = { readonly target: string; readonly eventNid: number; readonly isValid: boolean | null };

export async function rebuildRedactions(parts: Omit<ViewParts, 'database'>, tx: Tx, view: RoomView): Promise<void> {
  const powers = new Map<number, RoomView>();
  for (let after = 0; ;) {
    const rows = await tx.query(selectRoomRedactions, [view.roomNid, after, redactionsAtOnce]);
    const judged = await judge({ ...parts, database: tx }, view, rows, powers);
    const targets = judged.map(({ target }) => target);
    const nids = judged.map(({ eventNid }) => eventNid);
    await tx.query(deleteOtherRedactions, [rows.map((row) => row.event_nid), targets, nids]);
    const verdicts = judged.map(({ isValid }) => isValid);
    await tx.query(upsertRedactions, [targets, nids, judged.map(() => view.roomNid), verdicts]);
    const last = rows.at(-1);
    if (last === undefined || rows.length < redactionsAtOnce) return;
    after = last.event_nid;
  }
}

/** `powers` remembers the room at each state, since many redactions stand on the same. */
async function judge(
  parts: ViewParts,
  view: RoomView,
  rows: readonly StoredRedactionRow[],
  powers: Map<number, RoomView>,
): Promise<Judged[]> {
  const redactions = rows.flatMap((row) => {
    const { redacts } = authEventOf(readStoredPdu(row.json, view.version), row.event_id, view.version);
    return redacts === undefined || redacts.includes('\0') ? [] : [{ row, redacts }];
  });
  const found = await parts.database.query(selectRedactionTargets, [redactions.map(({ redacts }) => redacts)]);
  const targets = new Map(found.map((target) => [target.event_id, target]));
  const judged: Judged[] = [];
  for (const { row, redacts } of redactions) {
    const target = targets.get(redacts);
    const isValid =
      target === undefined
        ? null
        : target.room_nid === view.roomNid && (await isPermitted(parts, view, row, target.sender, powers));
    judged.push({ target: redacts, eventNid: row.event_nid, isValid });
  }
  return judged;
}

async function isPermitted(
  parts: ViewParts,
  view: RoomView,
  { state_before: root, sender }: StoredRedactionRow,
  targetSender: string,
  powers: Map<number, RoomView>,
): Promise<boolean> {
  // Versions 1 and 2: the auth rules have judged already.
  if (view.version.redactionAuthRule) return true;
  let before = powers.get(root);
  if (before === undefined) powers.set(root, (before = { ...view, head: { ...view.head, root }, state: new Map() }));
  await completeView(parts, before, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ]);
  const create = entryOf(before, 'm.room.create', '')?.event;
  const levels = entryOf(before, 'm.room.power_levels', '')?.event.content;
  return create !== undefined && canRedact({ version: view.version, create, levels }, sender, targetSender);
}

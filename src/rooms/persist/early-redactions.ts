/** Owns the judgement of redactions that came before the event which they redact. */
import { canRedact } from '#matrix/power-levels.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { completeView, entryOf, type RoomView, type ViewParts } from '#rooms/persist/room-view.ts';
import { findEarlyRedactions, type EarlyRedactionRow } from '#storage/rooms/find-graph.ts';

/** A redaction and whether it takes effect, which nobody could tell before its target came. */
export type JudgedRedaction = { readonly redactionNid: number; readonly isValid: boolean };

/** Specification: Room Versions, "Handling redactions". The power is that of the state before the redaction. */
export async function judgeEarlyRedactions(
  parts: ViewParts,
  view: RoomView,
  target: AuthEvent,
): Promise<JudgedRedaction[]> {
  const judged: JudgedRedaction[] = [];
  for (const row of await findEarlyRedactions(parts.database, target.eventId)) {
    judged.push({ redactionNid: row.redaction_nid, isValid: await isValid(parts, view, target, row) });
  }
  return judged;
}

async function isValid(
  parts: ViewParts,
  view: RoomView,
  target: AuthEvent,
  { room_nid: roomNid, state_before: root, sender }: EarlyRedactionRow,
): Promise<boolean> {
  if (roomNid !== view.roomNid || root === null) return false;
  // Versions 1 and 2: the auth rules have judged already.
  if (view.version.redactionAuthRule) return true;
  const before: RoomView = { ...view, head: { ...view.head, root }, state: new Map() };
  await completeView(parts, before, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ]);
  const create = entryOf(before, 'm.room.create', '')?.event;
  const levels = entryOf(before, 'm.room.power_levels', '')?.event.content;
  return create !== undefined && canRedact({ version: view.version, create, levels }, sender, target.sender);
}

/** Whether one of them takes effect. */
export function isRedacted(redactions: readonly JudgedRedaction[]): boolean {
  return redactions.some(({ isValid }) => isValid);
}

/** What comes redacted relates to nothing: it is no edit, reaction or answer that anybody could see. */
export function withoutRelation<Columns extends { readonly relatesTo: string | null; readonly relType: string | null }>(
  columns: Columns,
  redactions: readonly JudgedRedaction[],
): Columns {
  return isRedacted(redactions) ? { ...columns, relatesTo: null, relType: null } : columns;
}

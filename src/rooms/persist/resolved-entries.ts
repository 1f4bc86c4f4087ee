/** Owns what a resolution changed in the room's state, as the view, the rows and the projections need it. */
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { BuildParts, ResolvedEntry } from '#rooms/persist/built-events.ts';
import { membershipCodeOf } from '#rooms/persist/event-rows.ts';
import { loadEntries, type RoomView, type StateEntry } from '#rooms/persist/room-view.ts';
import type { MembershipChange } from '#storage/rooms/persist-columns.ts';

export type ChangedEntry = {
  readonly key: string;
  /** Undefined for an entry that was removed. */
  readonly entry: StateEntry | undefined;
  readonly resolved: ResolvedEntry;
};

/** Every entry in which the new state differs from the view's. `own` is an event that is not written yet. */
export async function resolvedEntries(
  parts: BuildParts,
  view: RoomView,
  root: number,
  own: StateEntry,
): Promise<ChangedEntry[]> {
  const changes = await parts.tries.diff(parts.database, view.roomNid, view.head.root, root);
  const nids = changes.flatMap(({ before, after }) => [before ?? [], after ?? []].flat());
  const entries = await loadEntries(
    parts.database,
    view.version,
    nids.filter((nid) => nid !== own.eventNid),
  );
  entries.set(own.eventNid, own);
  const changed = changes.flatMap(({ before, after }) => {
    const replaced = before === undefined ? undefined : entries.get(before);
    const entry = after === undefined ? undefined : entries.get(after);
    const shown = entry ?? replaced;
    return shown === undefined ? [] : [{ shown, entry, replaced: replaced?.event }];
  });
  const local = changed.flatMap(({ shown: { event } }) => (isLocalMember(parts, event) ? [event.state_key ?? ''] : []));
  await parts.interned.internUsers(local);
  return changed.map(({ shown, entry, replaced }) => {
    const event = entry === undefined ? { ...shown.event, content: {} } : shown.event;
    const membership = membershipOf(parts, event, replaced);
    const key = joinedKey(event.type, event.state_key ?? '');
    return { key, entry, resolved: { event, eventNid: shown.eventNid, replaced, membership } };
  });
}

function isLocalMember({ isLocal }: Pick<BuildParts, 'isLocal'>, event: AuthEvent): boolean {
  return event.type === 'm.room.member' && event.state_key !== undefined && isLocal(event.state_key);
}

function membershipOf(
  parts: BuildParts,
  event: AuthEvent,
  replaced: AuthEvent | undefined,
): MembershipChange | undefined {
  if (!isLocalMember(parts, event)) return undefined;
  const userNid = parts.interned.knownUser(event.state_key ?? '');
  if (userNid === undefined) throw new Error('internUsers() was not awaited.');
  return { userNid, now: membershipCodeOf(event), was: replaced === undefined ? 0 : membershipCodeOf(replaced) };
}

/** Owns what a resolution changed in the room's state, as the view, the rows and the projections need it. */
import { piecesOf } from '#core/pieces.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { BuildParts, ResolvedEntry } from '#rooms/persist/built-events.ts';
import { membershipCodeOf } from '#rooms/persist/event-rows.ts';
import { emptiedColumns } from '#rooms/projections/redacted-summaries.ts';
import { findEmptied } from '#rooms/projections/state-entries.ts';
import { loadEntries, type RoomView, type StateEntry } from '#rooms/persist/room-view.ts';
import type { StateChange } from '#storage/rooms/trie-entries.ts';
import type { MembershipChange } from '#storage/rooms/persist-columns.ts';

export type ChangedEntry = {
  readonly key: string;
  /** Undefined for an entry that was removed. */
  readonly entry: StateEntry | undefined;
  readonly resolved: ResolvedEntry;
};

const namedMembersMax = 100;
/** Read at once: each brings its events' texts. Others have their turn in between. */
const changesAtOnce = 500;

/** Every entry in which the new state differs from the view's. `own` is an event that is not written yet. */
export async function resolvedEntries(
  parts: BuildParts,
  view: RoomView,
  root: number,
  own: StateEntry,
): Promise<ChangedEntry[]> {
  const changes = await parts.tries.diff(parts.database, view.roomNid, view.head.root, root);
  const changed: ChangedEntry[] = [];
  let membersCount = 0;
  for (const piece of piecesOf(changes, changesAtOnce)) {
    const some = await loadChanged(parts, view, piece, own);
    const members = some.flatMap(({ shown: { event } }) => (event.type === 'm.room.member' ? [event] : []));
    // Of remote members only those are needed after whom a room may be named.
    const local = members.filter((event) => isLocalMember(parts, event));
    const named = [...local, ...members.slice(0, Math.max(0, namedMembersMax - membersCount))];
    membersCount += members.length;
    await parts.interned.internUsers([...new Set(named.map((event) => event.state_key ?? ''))]);
    const shownEvents = some.map(({ shown }) => shown.event);
    const emptied = await findEmptied(parts.database, shownEvents, emptiedColumns);
    for (const { shown, entry, replaced } of some) {
      const isEmpty = entry === undefined || emptied.has(shown.event.eventId);
      const event = isEmpty ? { ...shown.event, content: {} } : shown.event;
      // That a state lacks a member which is not complete says nothing of them.
      const isLacking = view.isPartial && entry === undefined;
      const membership = isLacking ? undefined : membershipOf(parts, event, replaced);
      const key = joinedKey(event.type, event.state_key ?? '');
      changed.push({ key, entry, resolved: { event, eventNid: shown.eventNid, replaced, membership } });
    }
  }
  return changed;
}

type LoadedChange = {
  /** The entry, or the one that was removed. */
  readonly shown: StateEntry;
  readonly entry: StateEntry | undefined;
  readonly replaced: AuthEvent | undefined;
};

async function loadChanged(
  { database }: BuildParts,
  { version }: RoomView,
  changes: readonly StateChange[],
  own: StateEntry,
): Promise<LoadedChange[]> {
  const nids = changes.flatMap(({ before, after }) => [before ?? [], after ?? []].flat());
  const entries = await loadEntries(
    database,
    version,
    nids.filter((nid) => nid !== own.eventNid),
  );
  entries.set(own.eventNid, own);
  return changes.flatMap(({ before, after }) => {
    const replaced = before === undefined ? undefined : entries.get(before);
    const entry = after === undefined ? undefined : entries.get(after);
    const shown = entry ?? replaced;
    return shown === undefined ? [] : [{ shown, entry, replaced: replaced?.event }];
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

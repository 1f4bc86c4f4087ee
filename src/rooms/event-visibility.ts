/** Owns which events of a room's history a reader may see. */
import { historyVisibilityOf, isEventVisible, type HistoryVisibility } from '#matrix/history-visibility.ts';
import { contentOf } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import { findMembershipChanges, type KnownRoom, type MembershipChange } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/** As `events.history_visibility` numbers them. */
const visibilities: readonly HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined'];
const shared = 1;
const membershipNames: ReadonlyMap<number, string> = new Map(
  Object.entries(membershipCodes).map(([name, code]) => [code, name]),
);

/** What the judgement reads of an event. */
export type JudgedEvent = Pick<
  StoredEvent,
  'type' | 'stateKey' | 'pos' | 'roomOrder' | 'historyVisibility' | 'json' | 'redaction'
>;

/**
 * The events that the reader may see, in their order. A joined reader of shared history sees all of it, for which
 * nothing is asked; otherwise the reader's memberships are read once.
 */
export async function selectVisible<T extends JudgedEvent>(
  parts: Pick<RoomReadParts, 'database'>,
  user: RoomUser,
  reader: RoomReader,
  events: readonly T[],
): Promise<readonly T[]> {
  if (reader.kind === 'joined' && events.every((event) => event.historyVisibility <= shared)) return events;
  const changes = await findMembershipChanges(parts.database, user.userNid, reader.room.roomNid);
  return events.filter((event) => isVisibleTo(event, user.userId, changes, reader));
}

/** Whether a user with these changes of membership, oldest first, may see an event. */
export function isVisibleTo(
  event: JudgedEvent,
  userId: string,
  changes: readonly MembershipChange[],
  reader: { readonly room: Pick<KnownRoom, 'version'> },
): boolean {
  const before = changes.findLast((change) => sideOf(change, event) < 0);
  const at = changes.find((change) => change.pos === event.pos);
  const isOwnMember = event.type === 'm.room.member' && event.stateKey === userId && at !== undefined;
  const after = isOwnMember ? membershipNames.get(at.membership) : undefined;
  return isEventVisible({
    visibility: visibilities[event.historyVisibility] ?? 'joined',
    ...(event.type === 'm.room.history_visibility' &&
      event.stateKey === '' && { visibilityAfter: historyVisibilityOf(contentOf(event, reader.room.version)) }),
    membership: before === undefined ? undefined : membershipNames.get(before.membership),
    ...(after !== undefined && { membershipAfter: after }),
    joinedLater: changes.some((change) => sideOf(change, event) > 0 && change.membership === membershipCodes.join),
  });
}

/**
 * Negative for a change before the event, positive for one after it. History that was fetched later has no position: its place
 * in the room tells, and a change whose event has none, such as an invite from before this server was in the room, tells nothing.
 */
function sideOf(change: MembershipChange, { pos, roomOrder }: JudgedEvent): number {
  if (pos !== undefined) return change.pos - pos;
  return change.roomOrder === null || change.roomOrder === undefined ? 0 : change.roomOrder - roomOrder;
}

/** Owns the decision whether a user may see an event of a room's history. */
import type { JsonObject } from '#matrix/pdu.ts';

export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined';

/** What the decision needs to know, all of it at the event unless said otherwise. */
export type VisibilityFacts = {
  /** Of the state before the event. */
  readonly visibility: HistoryVisibility;
  /** Of the state after the event, if the event is `m.room.history_visibility` itself. */
  readonly visibilityAfter?: HistoryVisibility;
  /** The user's membership before the event; undefined if there was none. */
  readonly membership: string | undefined;
  /** The membership after the event, if the event is the user's own `m.room.member`. */
  readonly membershipAfter?: string;
  /** Whether the user joined the room at any point after the event, even if they have left again. */
  readonly joinedLater: boolean;
};

/** The visibility that the content of `m.room.history_visibility` sets: `shared` if there is none or it is not known. */
export function historyVisibilityOf(content: JsonObject | undefined): HistoryVisibility {
  const value = content?.['history_visibility'];
  return value === 'world_readable' || value === 'invited' || value === 'joined' ? value : 'shared';
}

/**
 * Whether the user may see the event. For the two kinds of events that change what is asked, either side will do.
 * Specification: Client-Server API, "Room History Visibility", "Server behaviour".
 */
export function isEventVisible(facts: VisibilityFacts): boolean {
  const { visibility, visibilityAfter, membership, membershipAfter, joinedLater } = facts;
  const visibilities = visibilityAfter === undefined ? [visibility] : [visibility, visibilityAfter];
  const memberships = membershipAfter === undefined ? [membership] : [membership, membershipAfter];
  return visibilities.some((each) => memberships.some((one) => isAllowed(each, one, joinedLater)));
}

function isAllowed(visibility: HistoryVisibility, membership: string | undefined, joinedLater: boolean): boolean {
  if (visibility === 'world_readable' || membership === 'join') return true;
  if (visibility === 'shared') return joinedLater;
  return visibility === 'invited' && membership === 'invite';
}

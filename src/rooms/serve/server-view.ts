/** Owns what a server may read of a room's events: the whole, or the redacted form of what none of its users may see. */
import { BoundedMap } from '#core/bounded-map.ts';
import { historyVisibilityOf, isEventVisible, type HistoryVisibility } from '#matrix/history-visibility.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { redactJson } from '#matrix/redaction.ts';
import { contentOf } from '#rooms/find-room-state.ts';
import { readableJson } from '#rooms/render-events.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { ServedRoom } from '#rooms/serve/require-server.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import { findPermittedEvents } from '#storage/rooms/find-served-events.ts';
import { findMemberKeysOfServer } from '#storage/rooms/find-server-members.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import type { ErasedPosOf } from '#users/erased-users.ts';

export type ServeParts = RoomReadParts & { readonly erasedUsers: { readonly erasedPosOf: ErasedPosOf } };

/** As `events.history_visibility` numbers them. */
const visibilities: readonly HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined'];
const shared = 1;
/** Members whose events are read at a time, until one is joined. */
const MEMBERS_AT_ONCE = 100;

/** What one request of a server may read; it remembers what it has looked up, so it is made anew for the next one. */
export type ServerView = {
  /** Whether the server may have the event as it is, and not only its redacted form. */
  readonly isWhole: (event: StoredEvent) => Promise<boolean>;
  /** What the best placed of the server's users was in a state of the room: `join`, else `invite`, else nothing. */
  readonly membershipAt: MembershipAt;
};

/**
 * The view of a server that is in the room now. Specification: Client-Server API, "Room History Visibility", which holds for
 * the users of other servers too.
 */
export function viewOfServer(parts: ServeParts, served: ServedRoom, origin: string): ServerView {
  const membershipAt = membershipsOf(parts, served, origin);
  const isWhole = async (event: StoredEvent): Promise<boolean> =>
    (await isVisible(event, served, origin, membershipAt)) && !(await isErased(parts, event, membershipAt));
  return { isWhole, membershipAt };
}

/**
 * The JSON texts of the events as the server may have them, in their order. What none of its users may see, and what erased
 * users sent before it was there, is redacted and not left out: the graph has to hold together. But in a room whose members are
 * not all known, a server that was there may look as if it had not been, and would keep the redacted copy.
 */
export async function readForServer(
  parts: ServeParts,
  served: ServedRoom,
  origin: string,
  events: readonly StoredEvent[],
): Promise<string[]> {
  const { version } = served.room;
  const view = viewOfServer(parts, served, origin);
  const texts: string[] = [];
  for (const event of events) {
    const text = readableJson(event, version);
    if (await view.isWhole(event)) texts.push(text);
    else if (!served.isPartial) texts.push(redactJson(text, version));
  }
  return texts;
}

type MembershipAt = (root: StateRoot | undefined) => Promise<string | undefined>;

async function isVisible(
  event: StoredEvent,
  { room }: ServedRoom,
  origin: string,
  membershipAt: MembershipAt,
): Promise<boolean> {
  const { type, stateKey, historyVisibility } = event;
  // The server is in the room, so that to its users history which is shared is open.
  if (historyVisibility <= shared) return true;
  const isOwnMember = type === 'm.room.member' && stateKey !== undefined && serverNameOf(stateKey) === origin;
  const content = isOwnMember || type === 'm.room.history_visibility' ? contentOf(event, room.version) : undefined;
  const membershipAfter = isOwnMember ? content?.['membership'] : undefined;
  return isEventVisible({
    visibility: visibilities[historyVisibility] ?? 'joined',
    ...(type === 'm.room.history_visibility' && stateKey === '' && { visibilityAfter: historyVisibilityOf(content) }),
    membership: await membershipAt(event.stateBefore),
    ...(typeof membershipAfter === 'string' && { membershipAfter }),
    joinedLater: true,
  });
}

/** State stays, as the room stands on it. Specification: Client-Server API, "Account deactivation", `erase`. */
async function isErased({ erasedUsers }: ServeParts, event: StoredEvent, membershipAt: MembershipAt): Promise<boolean> {
  if (event.stateKey !== undefined || erasedUsers.erasedPosOf(event.sender) === undefined) return false;
  return (await membershipAt(event.stateBefore)) !== 'join';
}

/** What the best placed of the server's users was in a state: `join`, else `invite`, else nothing. */
function membershipsOf(parts: RoomReadParts, { room, root: current }: ServedRoom, origin: string): MembershipAt {
  const { database, tries } = parts;
  const { roomNid, version } = room;
  let keys: readonly number[] | undefined;
  // Most events of a page follow the same state.
  const known = new BoundedMap<StateRoot, string | undefined>({ sizeMax: 1_000 });
  return async (root) => {
    if (root === undefined) return undefined;
    if (known.has(root)) return known.get(root);
    keys ??= await findServerKeys(parts, roomNid, current, origin);
    let best: string | undefined;
    for (let at = 0; at < keys.length && best !== 'join'; at += MEMBERS_AT_ONCE) {
      const found = await tries.findEach(database, roomNid, root, keys.slice(at, at + MEMBERS_AT_ONCE));
      const nids = found.filter((nid) => nid !== undefined);
      for (const member of await findPermittedEvents(database, nids)) {
        const membership = contentOf(member, version)['membership'];
        if (membership === 'join' || (membership === 'invite' && best === undefined)) best = membership;
        if (best === 'join') break;
      }
    }
    known.set(root, best);
    return best;
  };
}

/** Whoever was ever in the room has an entry in its state for good. */
async function findServerKeys(
  { database, tries }: RoomReadParts,
  roomNid: number,
  root: StateRoot,
  origin: string,
): Promise<number[]> {
  const entries = await tries.entries(database, roomNid, root);
  return findMemberKeysOfServer(
    database,
    entries.map(([keyNid]) => keyNid),
    origin,
  );
}

/** Owns the access lists of rooms as they are asked for: compiled when they change, and not again for each event. */
import { BoundedMap } from '#core/bounded-map.ts';
import { compileServerAcl, type ServerAcl } from '#matrix/server-acl.ts';
import { contentOf } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import { findPermittedEvents, isEventRedacted } from '#storage/rooms/find-served-events.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findStateKeys } from '#storage/rooms/state-keys.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';

type Compiled = {
  readonly eventNid: number;
  readonly isRedacted: boolean;
  readonly isAllowed: ServerAcl;
  readonly characters: number;
};

/** Characters of the lists that are kept compiled: an event has at most 64 KiB. */
const CHARACTERS_MAX = 8 * 1024 * 1024;
/** Servers whose verdict is remembered per list: a list may have thousands of globs, and each has to be tried. */
const VERDICTS_MAX = 500;

// Per database, because tests open several.
const caches = new WeakMap<ReadTx, BoundedMap<number, Compiled>>();

/**
 * The room's access list in this state, or undefined if it has none, which allows every server. One small query, and only
 * for a room that has a list.
 */
export async function findServerAcl(
  { database, tries }: RoomReadParts,
  { roomNid, version }: KnownRoom,
  root: StateRoot,
): Promise<ServerAcl | undefined> {
  const [keyNid] = await findStateKeys(database, [['m.room.server_acl', '']]);
  const eventNid = keyNid === undefined ? undefined : await tries.find(database, roomNid, root, keyNid);
  if (eventNid === undefined) return undefined;
  let cache = caches.get(database);
  if (cache === undefined) {
    caches.set(database, (cache = new BoundedMap({ sizeMax: CHARACTERS_MAX, sizeOf: ({ characters }) => characters })));
  }
  const isRedacted = await isEventRedacted(database, eventNid);
  const cached = cache.get(roomNid);
  if (cached?.eventNid === eventNid && cached.isRedacted === isRedacted) return cached.isAllowed;
  const [event] = await findPermittedEvents(database, [eventNid]);
  if (event === undefined) return undefined;
  const isAllowed = remembering(compileServerAcl(contentOf(event, version)));
  cache.set(roomNid, { eventNid, isRedacted, isAllowed, characters: event.json.length });
  return isAllowed;
}

function remembering(judge: ServerAcl): ServerAcl {
  const verdicts = new BoundedMap<string, boolean>({ sizeMax: VERDICTS_MAX });
  return (serverName) => {
    const known = verdicts.get(serverName);
    if (known !== undefined) return known;
    const isAllowed = judge(serverName);
    verdicts.set(serverName, isAllowed);
    return isAllowed;
  };
}

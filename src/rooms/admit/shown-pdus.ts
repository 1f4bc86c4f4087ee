/** Owns the events of a room that its invited and knocking users of other servers are shown: whole, so that they can be checked. */
import { strippedStateKeys } from '#matrix/stripped-state.ts';
import { readableJson } from '#rooms/render-events.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findPermittedEvents } from '#storage/rooms/find-served-events.ts';
import { findStateKeys } from '#storage/rooms/state-keys.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';

/** How long they may be together: one that does not fit is left out, the create event never. */
const CHARACTERS_MAX = 150_000;

/**
 * The JSON texts, the create event first; with an inviter, their member event is among them.
 * Specification: Server-Server API, `invite_room_state` of `PUT /v2/invite` and `knock_room_state` of `PUT /v1/send_knock`.
 */
export async function findShownPdus(
  { database, tries }: RoomReadParts,
  { roomNid, version }: KnownRoom,
  root: StateRoot,
  inviter?: string,
): Promise<string[]> {
  const keyNids = (await findStateKeys(database, strippedStateKeys(inviter))).filter((nid) => nid !== undefined);
  const nids = (await tries.findEach(database, roomNid, root, keyNids)).filter((nid) => nid !== undefined);
  const found = new Map((await findPermittedEvents(database, nids)).map((event) => [event.eventNid, event]));
  const texts = nids.flatMap((nid) => {
    const event = found.get(nid);
    return event === undefined ? [] : [readableJson(event, version)];
  });
  let characters = 0;
  return texts.filter((text, index) => index === 0 || (characters += text.length) <= CHARACTERS_MAX);
}

/** Owns finding memberships that the state of a room lacks, as not all of its members are known: events cite their senders'. */
import { eventIdsOf, type EventReference } from '#matrix/pdu.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventTexts, findMembersByEventIds } from '#storage/rooms/find-cited-members.ts';

/** By sender the nid of the membership that the last of their events cites. The events are of this room. */
export async function findCitedMembers(
  database: ReadTx,
  roomNid: number,
  events: readonly { readonly eventNid: number; readonly sender: string }[],
): Promise<ReadonlyMap<string, number>> {
  const last = new Map(events.map(({ sender, eventNid }) => [sender, eventNid]));
  const texts = await findEventTexts(database, [...last.values()]);
  const citedBy = new Map(Array.from(last, ([sender, nid]) => [sender, citedIn(texts.get(nid))]));
  const members = await findMembersByEventIds(database, roomNid, [...new Set([...citedBy.values()].flat())]);
  return new Map(
    members
      .filter(({ eventId, userId }) => citedBy.get(userId)?.includes(eventId) === true)
      .map(({ userId, eventNid }) => [userId, eventNid]),
  );
}

function citedIn(json: string | undefined): string[] {
  if (json === undefined) return [];
  const { auth_events: cited }: { readonly auth_events: readonly EventReference[] } = JSON.parse(json);
  return eventIdsOf(cited);
}

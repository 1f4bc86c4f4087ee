/** Owns after whom a room is named that has no name, also when those who are kept for it have left or were never of this server. */
import type { JsonObject } from '#matrix/pdu.ts';
import { contentJsonOf } from '#matrix/client-event.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventsOfType } from '#storage/rooms/find-events.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { RoomSummary } from '#storage/streams/find-sync-state.ts';
import { findStateRootsAt } from '#storage/streams/find-timelines.ts';

const HEROES_SHOWN_MAX = 5;
/** One more than are shown, for one may be the reader. */
const HEROES_MAX = HEROES_SHOWN_MAX + 1;
/** Of a room with more state than this the oldest events are looked through. */
const ENTRIES_MAX = 5_000;

/** The summaries, those that lack heroes completed from the state at a position: members, else those who left. */
export async function refillHeroes(
  { database, tries }: { readonly database: ReadTx; readonly tries: StateTries },
  summaries: ReadonlyMap<number, RoomSummary>,
  upTo: number,
): Promise<ReadonlyMap<number, RoomSummary>> {
  const lacking = [...summaries].filter(([, summary]) => isLacking(summary));
  if (lacking.length === 0) return summaries;
  const filled = new Map(summaries);
  const roots = await findStateRootsAt(
    database,
    lacking.map(([roomNid]) => ({ roomNid, pos: upTo })),
  );
  const nids: number[] = [];
  for (const [index, [roomNid]] of lacking.entries()) {
    const entries = await tries.entries(database, roomNid, roots[index] ?? 0);
    const oldest = entries.map(([, eventNid]) => eventNid).toSorted((one, other) => one - other);
    nids.push(...oldest.slice(0, ENTRIES_MAX));
  }
  const events = await findEventsOfType(database, nids, 'm.room.member');
  const byRoom = Map.groupBy(events, (event) => event.roomNid);
  for (const [roomNid, summary] of lacking) {
    const members = (byRoom.get(roomNid) ?? []).toSorted((one, other) => (one.pos ?? 0) - (other.pos ?? 0));
    if (members.length === 0) continue;
    const named = (...memberships: readonly string[]): string[] =>
      members
        .filter(({ json }) => memberships.includes(membershipIn(json)))
        .flatMap(({ stateKey }) => stateKey ?? [])
        .slice(0, HEROES_MAX);
    filled.set(roomNid, { ...summary, heroes: named('join', 'invite'), formerHeroes: named('leave', 'ban') });
  }
  return filled;
}

/** The first five others. Specification: Client-Server API, "Syncing", `m.heroes`. */
export function heroesFor(userId: string, { heroes, formerHeroes }: RoomSummary): readonly string[] {
  const others = heroes.filter((hero) => hero !== userId);
  const shown = others.length > 0 ? others : formerHeroes.filter((hero) => hero !== userId);
  return shown.slice(0, HEROES_SHOWN_MAX);
}

/** Named rooms have no heroes, and need none. */
function isLacking({ isNamed, heroes, formerHeroes, joinedCount, invitedCount }: RoomSummary): boolean {
  if (isNamed) return false;
  const count = joinedCount + invitedCount;
  return heroes.length < Math.min(HEROES_MAX, count) || (count <= 1 && formerHeroes.length === 0);
}

function membershipIn(json: string): string {
  const { membership }: JsonObject = JSON.parse(contentJsonOf(json));
  return typeof membership === 'string' ? membership : '';
}

/** Owns who of other servers came into a user's company, and who went out of it. */
import type { ReadTx } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findRemoteJoined, findRemoteSharing, findUsersJoinedBy } from '#storage/streams/find-shared-users.ts';
import { findStateRootsAt } from '#storage/streams/find-timelines.ts';
import { mayChangeMembers, type EventFact } from '#streams/event-fact.ts';
import type { EventStream } from '#streams/event-stream.ts';

/** Rooms in which the company changed. */
export type ChangedRooms = {
  /** In which the user was all the time, and others came or went. */
  readonly stayed: readonly number[];
  /** Whose members are all new to the user. */
  readonly gained: readonly number[];
  readonly lost: readonly number[];
};

type Parts = {
  readonly database: ReadTx;
  readonly tries: Pick<StateTries, 'diff'>;
  readonly events: EventStream;
  readonly isLocal: (id: string) => boolean;
};

/** Positions of the event stream: what happened after the first, and up to the second. */
type Span = { readonly after: number; readonly upTo: number };

/**
 * By user id: those who share a room with the user now and did not in some room before, and those who share none any more.
 * Their memberships are told by the states of the rooms at both ends, where no log has them.
 */
export async function findRemoteCompany(
  parts: Parts,
  userNid: number,
  { stayed, gained, lost }: ChangedRooms,
  span: Span,
): Promise<{ readonly changed: readonly string[]; readonly left: readonly string[] }> {
  const { database } = parts;
  const changes = await findMemberChanges(parts, stayed, span);
  const came = new Set([...changes.came, ...(await findRemoteJoined(database, gained))]);
  const went = new Set([...changes.went, ...(await findRemoteJoined(database, lost))]);
  const sharing = await findRemoteSharing(database, userNid, [...came, ...went]);
  return {
    changed: [...came].filter((userId) => sharing.has(userId)),
    left: [...went].filter((userId) => !sharing.has(userId)),
  };
}

async function findMemberChanges(
  parts: Parts,
  roomNids: readonly number[],
  { after, upTo }: Span,
): Promise<{ readonly came: readonly string[]; readonly went: readonly string[] }> {
  const { database, tries, events } = parts;
  const moved = roomNids.filter((roomNid) => {
    const facts = events.reachesBackTo(after) ? events.roomFactsSince(roomNid, after) : undefined;
    return facts === undefined || facts.some((fact) => mayChangeRemote(parts, fact));
  });
  const places = moved.flatMap((roomNid) => [
    { roomNid, pos: after },
    { roomNid, pos: upTo },
  ]);
  const roots = await findStateRootsAt(database, places);
  const [came, went]: [string[], string[]] = [[], []];
  for (const [index, roomNid] of moved.entries()) {
    const differences = await tries.diff(database, roomNid, roots[2 * index] ?? 0, roots[2 * index + 1] ?? 0);
    const before = await findRemoteIn(
      parts,
      differences.flatMap((change) => change.before ?? []),
    );
    const now = await findRemoteIn(
      parts,
      differences.flatMap((change) => change.after ?? []),
    );
    came.push(...[...now].filter((userId) => !before.has(userId)));
    went.push(...[...before].filter((userId) => !now.has(userId)));
  }
  return { came, went };
}

function mayChangeRemote({ isLocal }: Parts, fact: EventFact): boolean {
  return mayChangeMembers(fact) && (fact.fork !== undefined || !isLocal(fact.stateKey ?? ''));
}

/** Users of other servers who are joined by one of these events. */
async function findRemoteIn({ database, isLocal }: Parts, eventNids: readonly number[]): Promise<ReadonlySet<string>> {
  return new Set((await findUsersJoinedBy(database, eventNids)).filter((userId) => !isLocal(userId)));
}

/** Owns the record of who of other servers is joined to which room. */
import { isUserId } from '#matrix/ids.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import type { ViewParts } from '#rooms/persist/room-view.ts';
import { stateEntries } from '#rooms/projections/state-entries.ts';
import type { Tx } from '#storage/database.ts';
import {
  deleteOtherRemoteMembers,
  deleteRemoteMembers,
  insertRemoteMembers,
  restampRemoteMembers,
} from '#storage/rooms/write-remote-members.ts';

type Parts = Omit<ViewParts, 'database'> & { readonly isLocal: (id: string) => boolean };

/**
 * What is known of a user's devices is good for as long as a room has been shared with them without a break: that begins
 * when they come, and for all in a room when the first user of this server comes.
 */
export function remoteMembers(parts: Parts): Projection {
  const { isLocal } = parts;
  return {
    name: 'remote_members',
    concerns: ({ event, isState, replaced }) =>
      isState && isMember(event) && isJoin(event) !== (replaced !== undefined && isJoin(replaced)),
    apply: (tx, events) => apply(tx, events, isLocal),
    async rebuild(tx, view) {
      const entries = await stateEntries({ ...parts, database: tx }, view, new Set());
      const members = entries.filter(({ event }) => isMember(event) && isJoin(event));
      // Who is there all the time keeps the moment since when.
      const userIds = members.flatMap(({ event }) => event.state_key ?? []);
      await tx.query(deleteOtherRemoteMembers, [view.roomNid, userIds]);
      await apply(tx, members, isLocal);
    },
  };
}

async function apply(tx: Tx, events: readonly ProjectedEvent[], isLocal: Parts['isLocal']): Promise<void> {
  // Of several changes of one user in one room the last one counts.
  const last = new Map(
    events.map((projected) => [`${projected.view.roomNid} ${projected.event.state_key}`, projected]),
  );
  const remote = [...last.values()].filter(({ event }) => !isLocal(event.state_key ?? ''));
  const came = remote.filter(({ event }) => isJoin(event));
  const went = remote.filter(({ event }) => !isJoin(event));
  const arrivals = events.filter(({ event }) => isJoin(event) && isLocal(event.state_key ?? ''));
  const entered = [...new Set(arrivals.map(({ view }) => view.roomNid))];
  const columns = (of: readonly ProjectedEvent[]): [string[], number[]] => [
    of.map(({ event }) => event.state_key ?? ''),
    of.map(({ view }) => view.roomNid),
  ];
  await Promise.all([
    went.length > 0 && tx.query(deleteRemoteMembers, columns(went)),
    entered.length > 0 && tx.query(restampRemoteMembers, [entered]),
    came.length > 0 && tx.query(insertRemoteMembers, columns(came)),
  ]);
}

function isMember({ type, state_key: userId = '' }: AuthEvent): boolean {
  return type === 'm.room.member' && isUserId(userId);
}

const isJoin = ({ content }: AuthEvent): boolean => content['membership'] === 'join';

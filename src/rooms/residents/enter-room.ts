/** Owns coming into a room by a join that was granted: its state is taken in first, and the join makes it ours. */
import { eventIdsOf } from '#matrix/pdu.ts';
import { MatrixError } from '#matrix/error.ts';
import type { OmittedMembers } from '#rooms/persist-request.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { GrantedJoin } from '#rooms/residents/send-join.ts';
import { takeInState, usableIn } from '#rooms/residents/take-in-state.ts';
import { deleteSnapshots } from '#storage/rooms/write-projections.ts';

/**
 * Until the join is committed the server is not in the room, whatever events of it are kept: a crash leaves outliers, which
 * are in nobody's way. Throws a BadAnswerError if the join or the create event cannot be used with what was told.
 */
export async function enterRoom(
  parts: Pick<
    ResidentParts,
    'database' | 'tries' | 'interned' | 'nids' | 'clock' | 'federation' | 'persistEvents' | 'isLocal'
  >,
  { join, told, omitted }: GrantedJoin,
  userNid: number,
): Promise<void> {
  const { roomId } = told;
  const isUsable = usableIn(await takeInState(parts, told));
  if (!eventIdsOf(join.pdu.auth_events).every(isUsable)) {
    throw new BadAnswerError('It answered without all of what permits the join.');
  }
  // Of members only those are known whom the join cites, such as who was invited: entries of the state before it, as well.
  const cited = omitted === undefined ? [] : eventIdsOf(join.pdu.auth_events);
  const state = [...cited, ...told.stateIds.filter(isUsable)];
  const states = new Map(eventIdsOf(join.pdu.prev_events).map((id) => [id, state]));
  const { statuses: outcome } = await parts.persistEvents({
    room: { roomId },
    events: [
      { sealed: join, states, entersRoom: true, ...(omitted !== undefined && { omitted: others(parts, omitted) }) },
    ],
    // What an invite was shown with: the room's state, in which it may never have been, does not tell that it goes.
    alongside: async (tx, { roomNid }) => void (await tx.query(deleteSnapshots, [[userNid], [roomNid]])),
  });
  if (outcome[0] !== 'accepted') {
    throw new MatrixError('M_FORBIDDEN', 'The room as it is by now does not let you in.');
  }
}

/** This server is in the room by its own users alone, and who let them in is in it, whatever it says. */
function others({ isLocal }: Pick<ResidentParts, 'isLocal'>, { resident, servers }: OmittedMembers): OmittedMembers {
  return { resident, servers: [...new Set([resident, ...servers])].filter((name) => !isLocal(name)) };
}

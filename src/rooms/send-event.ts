/** Owns sending an event that is not state. Only for one that relates to another is the database asked: the writer judges. */
import { checkMessage } from '#rooms/check-message.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { replayHashOf } from '#rooms/persist/event-rows.ts';
import type { PersistEvents, ReplayKey } from '#rooms/persist-request.ts';
import { requireFittingRelation } from '#rooms/relations/require-fitting-relation.ts';
import type { ReadTx } from '#storage/database.ts';
import { selectReplayed } from '#storage/rooms/load-view.ts';

/**
 * Answers the event's id. Throws M_BAD_JSON for a message that no client could show, and what `requireFittingRelation`
 * does for a relation that is not permitted.
 */
export async function sendEvent(
  parts: { readonly persistEvents: PersistEvents; readonly database: ReadTx },
  request: {
    readonly roomId: string;
    readonly sender: string;
    readonly type: string;
    readonly content: JsonObject;
    readonly replay: ReplayKey;
  },
): Promise<string> {
  const { roomId, sender, type, content, replay } = request;
  const refusal = checkMessage(type, content);
  if (refusal !== undefined) throw new MatrixError('M_BAD_JSON', refusal);
  const before = await findReplayedRelation(parts.database, request);
  if (before !== undefined) return before;
  const result = await parts.persistEvents({ room: { roomId }, events: [{ sender, type, content }], replay });
  return requireOnlyId(result.eventIds);
}

/** What the same request did before: only then may a relation that fits no more stand. */
async function findReplayedRelation(
  database: ReadTx,
  request: { readonly roomId: string; readonly sender: string; readonly type: string; readonly content: JsonObject } & {
    readonly replay: ReplayKey;
  },
): Promise<string | undefined> {
  try {
    await requireFittingRelation(database, request);
    return undefined;
  } catch (error) {
    const { replay } = request;
    const [row] = await database.query(selectReplayed, [replay.deviceNid, replayHashOf(replay)]);
    if (row === undefined) throw error;
    return row.event_id;
  }
}

/** The id of the one event that was asked for. */
export function requireOnlyId(eventIds: readonly string[]): string {
  const [eventId] = eventIds;
  if (eventId === undefined) throw new Error('An event was persisted without an id.');
  return eventId;
}

/** Owns what a relation must fulfil before an event with it is sent. */
import { contentJsonOf } from '#matrix/client-event.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { relationOf } from '#matrix/relation.ts';
import type { ReadTx } from '#storage/database.ts';
import { findOwnAnnotations, findRelType } from '#storage/rooms/find-relations.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

/**
 * Throws M_UNKNOWN for a thread that would start at an event that itself relates to another, and M_DUPLICATE_ANNOTATION
 * for the same reaction once more. Asks nothing for an event that relates to none.
 * Specification: Client-Server API, "Validation of `m.thread` relationships", "Avoiding duplicate annotations".
 */
export async function requireFittingRelation(
  database: ReadTx,
  event: { readonly roomId: string; readonly sender: string; readonly type: string; readonly content: JsonObject },
): Promise<void> {
  const relation = relationOf(event.content);
  if (relation?.relType !== 'm.thread' && relation?.relType !== 'm.annotation') return;
  const room = await findRoom(database, event.roomId);
  if (room === undefined) return;
  const { eventId: parentId } = relation;
  if (relation.relType === 'm.thread') {
    if ((await findRelType(database, room.roomNid, parentId)) === undefined) return;
    // The specification has no code of its own for this, and says which status it wants.
    throw new MatrixError('M_UNKNOWN', 'A thread cannot start at an event that itself relates to another one.', {
      status: 400,
    });
  }
  const { sender, type } = event;
  const others = await findOwnAnnotations(database, { parentId, type, sender, roomNid: room.roomNid });
  const key = annotationKeyOf(event.content);
  if (others.some((json) => annotationKeyOf(JSON.parse(contentJsonOf(json))) === key)) {
    throw new MatrixError('M_DUPLICATE_ANNOTATION', 'You have annotated this event with the same key already.');
  }
}

function annotationKeyOf(content: JsonObject): unknown {
  const relation = content['m.relates_to'];
  return isJsonObject(relation) ? relation['key'] : undefined;
}

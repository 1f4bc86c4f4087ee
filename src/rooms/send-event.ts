/** Owns sending an event that is not state. Nothing is asked of the database here: the writer judges it. */
import { checkMessage } from '#rooms/check-message.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { PersistEvents, ReplayKey } from '#rooms/persist-request.ts';

/** Answers the event's id. Throws M_BAD_JSON for a message that no client could show. */
export async function sendEvent(
  parts: { readonly persistEvents: PersistEvents },
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
  const result = await parts.persistEvents({ room: { roomId }, events: [{ sender, type, content }], replay });
  return requireOnlyId(result.eventIds);
}

/** The id of the one event that was asked for. */
export function requireOnlyId(eventIds: readonly string[]): string {
  const [eventId] = eventIds;
  if (eventId === undefined) throw new Error('An event was persisted without an id.');
  return eventId;
}

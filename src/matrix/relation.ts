/** Owns reading which event an event relates to, and how. */
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';

export type Relation = { readonly eventId: string; readonly relType: string };

const LENGTH_MAX = 255;

/**
 * What the clear text of the content says of the event's parent. Undefined for a relation that does not fit the schema,
 * which relates to nothing; a rich reply has no `rel_type` and is none either.
 * Specification: Client-Server API, "Forming relationships between events".
 */
export function relationOf(content: JsonObject): Relation | undefined {
  const relation = content['m.relates_to'];
  if (!isJsonObject(relation)) return undefined;
  const { event_id: eventId, rel_type: relType } = relation;
  return isName(eventId) && eventId.startsWith('$') && isName(relType) ? { eventId, relType } : undefined;
}

/** A string that a column can hold and an index is worth. */
function isName(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LENGTH_MAX && !value.includes('\0');
}

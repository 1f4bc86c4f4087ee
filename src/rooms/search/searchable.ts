/** Owns which text of which events can be searched. */
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';

/** As the column `kind` of the index has them. */
export const searchKinds = { 'content.body': 0, 'content.name': 1, 'content.topic': 2 } as const;
export type SearchKey = keyof typeof searchKinds;

export const searchableTypes: ReadonlyMap<string, SearchKey> = new Map([
  ['m.room.message', 'content.body'],
  ['m.room.name', 'content.name'],
  ['m.room.topic', 'content.topic'],
]);

/** The text of an event by which it is found; empty if it has none. Specification: Client-Server API, "Server Side Search". */
export function searchableText(key: SearchKey, content: JsonObject): string {
  const texts = [content[key.slice('content.'.length)]];
  if (key === 'content.topic') texts.push(...plainTopics(content));
  return texts.filter((text) => typeof text === 'string').join('\n');
}

/** The `text/plain` representations of the topic. */
function plainTopics(content: JsonObject): (JsonValue | undefined)[] {
  const block = content['m.topic'];
  const texts = isJsonObject(block) ? block['m.text'] : undefined;
  if (!Array.isArray(texts)) return [];
  return texts.flatMap((each) =>
    isJsonObject(each) && (each['mimetype'] ?? 'text/plain') === 'text/plain' ? [each['body']] : [],
  );
}

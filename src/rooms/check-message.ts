/** Owns what an event's content must have before it is worth an event. */
import type { JsonObject } from '#matrix/pdu.ts';

/**
 * What is wrong with the content of an event that is about to be sent, in a sentence; undefined if nothing is.
 * Only what clients cannot do without is asked for. Specification: Client-Server API, `m.room.message`.
 */
export function checkMessage(type: string, content: JsonObject): string | undefined {
  if (type !== 'm.room.message') return undefined;
  if (typeof content['msgtype'] !== 'string') return 'A message needs "msgtype", a string.';
  return typeof content['body'] === 'string' ? undefined : 'A message needs "body", a string.';
}

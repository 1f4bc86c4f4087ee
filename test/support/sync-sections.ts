/** Owns reading the sections of /sync that list events without ids: account data, ephemeral, presence, to-device. */
import {
  asArray,
  asObject,
  optionalText,
  text,
  type JsonObject,
  type SyncAnswer,
} from '#test/support/matrix-shapes.ts';

export type PlainEvent = { readonly type: string; readonly content: JsonObject; readonly sender: string | undefined };

/** The events of a section of the answer, or of a room in it; none where there is no such section. */
export function sectionOf(raw: JsonObject | undefined, name: string): PlainEvent[] {
  const section = asObject(raw?.[name] ?? { events: [] }, name);
  return asArray(section['events'], `${name}.events`).map((value) => {
    const event = asObject(value, `an event of ${name}`);
    const content = asObject(event['content'], `content of an event of ${name}`);
    return { type: text(event, 'type'), content, sender: optionalText(event, 'sender') };
  });
}

/** By type the content of each event; a type appears once. */
export function contentsOf(raw: JsonObject | undefined, name: string): Readonly<Record<string, JsonObject>> {
  return Object.fromEntries(sectionOf(raw, name).map(({ type, content }) => [type, content]));
}

/** The section of a joined room. */
export function contentsOfRoom(
  answer: SyncAnswer,
  roomId: string,
  name: 'account_data' | 'ephemeral',
): Readonly<Record<string, JsonObject>> {
  return contentsOf(answer.join.get(roomId)?.raw, name);
}

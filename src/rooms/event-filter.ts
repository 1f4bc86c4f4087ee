/** Owns the filter by which clients choose events of a room's history. */
import { Type, type Static } from 'typebox';
import { contentJsonOf } from '#matrix/client-event.ts';
import { sliceMembers } from '#matrix/json-slices.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import { isUnheard } from '#users/ignored-users.ts';

const strings = Type.Array(Type.String(), { maxItems: 1_000 });

/** Specification: Client-Server API, "Filtering", `RoomEventFilter`. */
export const roomEventFilter = Type.Object({
  types: Type.Optional(strings),
  not_types: Type.Optional(strings),
  senders: Type.Optional(strings),
  not_senders: Type.Optional(strings),
  rooms: Type.Optional(strings),
  not_rooms: Type.Optional(strings),
  contains_url: Type.Optional(Type.Boolean()),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  lazy_load_members: Type.Optional(Type.Boolean()),
  include_redundant_members: Type.Optional(Type.Boolean()),
});
export type RoomEventFilter = Static<typeof roomEventFilter>;

type Filtered = Pick<StoredEvent, 'type' | 'sender' | 'json' | 'redaction'> & {
  readonly stateKey?: string | undefined;
};

const nobody: ReadonlySet<string> = new Set();

/**
 * What is left out wins over what is asked for. `undefined` when the filter lets everything through. Of ignored users only
 * state is shown.
 */
export function compileEventFilter(
  filter: RoomEventFilter,
  roomId: string,
  ignored: ReadonlySet<string> = nobody,
): ((event: Filtered) => boolean) | undefined {
  const conditions: ((event: Filtered) => boolean)[] = [];
  if (ignored.size > 0) conditions.push((event) => !isUnheard(event, ignored));
  const { types, not_types: notTypes, senders, not_senders: notSenders, contains_url: containsUrl } = filter;
  if (filter.not_rooms?.includes(roomId) === true || filter.rooms?.includes(roomId) === false) return () => false;
  if (notTypes !== undefined && notTypes.length > 0) {
    const isExcluded = compileTypes(notTypes);
    conditions.push((event) => !isExcluded(event.type));
  }
  if (notSenders !== undefined && notSenders.length > 0) {
    conditions.push((event) => !notSenders.includes(event.sender));
  }
  if (types !== undefined) {
    const isIncluded = compileTypes(types);
    conditions.push((event) => isIncluded(event.type));
  }
  if (senders !== undefined) conditions.push((event) => senders.includes(event.sender));
  if (containsUrl !== undefined) conditions.push((event) => hasUrl(event) === containsUrl);
  return conditions.length === 0 ? undefined : (event) => conditions.every((condition) => condition(event));
}

/** `*` stands for any run of characters. */
function compileTypes(patterns: readonly string[]): (type: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split(/\*+/));
  return (type) => exact.has(type) || wild.some((pieces) => matches(type, pieces));
}

/** Each piece at its first place after the one before; the first at the start, the last at the end. Never backtracks. */
function matches(text: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

// A redaction leaves no event a URL, and the filter must not tell that there was one.
function hasUrl(event: Filtered): boolean {
  return event.redaction === undefined && sliceMembers(contentJsonOf(event.json)).has('url');
}

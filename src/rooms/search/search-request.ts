/** Owns the shape of a search, and the tokens by which one goes on with it. */
import { hash } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { MatrixError } from '#matrix/error.ts';
import { roomEventFilter } from '#rooms/event-filter.ts';
import type { MatchPlace } from '#storage/rooms/find-matches.ts';

const contextLimit = Type.Optional(Type.Integer({ minimum: 0 }));

/** Specification: Client-Server API, `POST /search`, `room_events`. */
export const roomEventsCriteria = Type.Object({
  search_term: Type.String(),
  keys: Type.Optional(
    Type.Array(Type.Union([Type.Literal('content.body'), Type.Literal('content.name'), Type.Literal('content.topic')])),
  ),
  filter: Type.Optional(roomEventFilter),
  order_by: Type.Optional(Type.Union([Type.Literal('recent'), Type.Literal('rank')])),
  event_context: Type.Optional(
    Type.Object({
      before_limit: contextLimit,
      after_limit: contextLimit,
      include_profile: Type.Optional(Type.Boolean()),
    }),
  ),
  include_state: Type.Optional(Type.Boolean()),
  groupings: Type.Optional(
    Type.Object({
      group_by: Type.Optional(
        Type.Array(Type.Object({ key: Type.Union([Type.Literal('room_id'), Type.Literal('sender')]) }), {
          maxItems: 2,
        }),
      ),
    }),
  ),
});
export type RoomEventsCriteria = Static<typeof roomEventsCriteria>;
export type GroupKey = 'room_id' | 'sender';

/** Where the next page begins, and in which group if it is one of a group. */
export type SearchPlace = MatchPlace & { readonly group: { readonly key: GroupKey; readonly id: string } | undefined };

/** Bound to the user and the request, so that a page of one question never continues another. */
export function formatSearchToken(userId: string, criteria: RoomEventsCriteria, place: SearchPlace): string {
  const { weight, ts, eventNid, group } = place;
  const parts = [
    digestOf(userId, criteria),
    weight,
    ts,
    eventNid,
    ...(group === undefined ? [] : [group.key, group.id]),
  ];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Throws M_INVALID_PARAM for a token that this search did not give. */
export function requireSearchPlace(userId: string, criteria: RoomEventsCriteria, token: string): SearchPlace {
  const parts = parseParts(token);
  const [digest, weight, ts, eventNid, key, id] = parts;
  const isGroup = (key === 'room_id' || key === 'sender') && typeof id === 'string';
  if (
    digest !== digestOf(userId, criteria) ||
    typeof weight !== 'number' ||
    !Number.isSafeInteger(ts) ||
    !Number.isSafeInteger(eventNid) ||
    (parts.length > 4 && !isGroup)
  ) {
    throw new MatrixError(
      'M_INVALID_PARAM',
      'This token does not continue this search: send it with the same request.',
    );
  }
  return { weight, ts: Number(ts), eventNid: Number(eventNid), group: isGroup ? { key, id } : undefined };
}

function parseParts(token: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    // Whatever it is, it is no token of ours, and the caller says so.
    return [];
  }
}

function digestOf(userId: string, criteria: RoomEventsCriteria): string {
  return hash('sha256', JSON.stringify([userId, criteria]), 'base64url').slice(0, 16);
}

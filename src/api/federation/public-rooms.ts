/** Owns the endpoints by which other servers read the directory of this server's published rooms. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { listPublicRooms } from '#rooms/directory/list-public-rooms.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 500;
const ROOM_TYPES_MAX = 100;
const path = '/_matrix/federation/v1/publicRooms';
const spec = 'Server-Server API, Published Room Directory';

const page = {
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  since: Type.Optional(Type.String()),
  include_all_networks: Type.Optional(Type.Boolean()),
};

export const getPublicRooms = endpoint({
  operation: 'federation.getPublicRooms',
  method: 'GET',
  path,
  auth: 'server',
  rateLimit: 'none',
  spec,
  query: Type.Object({ ...page, third_party_instance_id: Type.Optional(Type.String()) }),
  handler: (context: Context, { query }) => list(context, query),
});

export const queryPublicRooms = endpoint({
  operation: 'federation.queryPublicRooms',
  method: 'POST',
  path,
  auth: 'server',
  rateLimit: 'none',
  spec,
  body: Type.Object({
    ...page,
    third_party_instance_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    filter: Type.Optional(
      Type.Object({
        generic_search_term: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        room_types: Type.Optional(
          Type.Union([Type.Array(Type.Union([Type.String(), Type.Null()]), { maxItems: ROOM_TYPES_MAX }), Type.Null()]),
        ),
      }),
    ),
  }),
  handler: (context: Context, { body }) => list(context, body),
});

type Page = {
  readonly limit?: number;
  readonly since?: string;
  readonly third_party_instance_id?: string | null;
  readonly filter?: {
    readonly generic_search_term?: string | null;
    readonly room_types?: readonly (string | null)[] | null;
  };
};

async function list(context: Context, asked: Page): Promise<Record<string, unknown>> {
  // No room here is of another network.
  if (asked.third_party_instance_id) return { chunk: [], total_room_count_estimate: 0 };
  return listPublicRooms(context, {
    since: asked.since,
    limit: Math.min(asked.limit || LIMIT_DEFAULT, LIMIT_MAX),
    searchTerm: asked.filter?.generic_search_term ?? undefined,
    roomTypes: asked.filter?.room_types ?? undefined,
  });
}

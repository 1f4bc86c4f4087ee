/** Owns the query parameters by which clients name servers that are in a room. */
import { Type } from 'typebox';

const SERVERS_MAX = 50;
const servers = Type.Optional(Type.Array(Type.String({ maxLength: 300 }), { maxItems: SERVERS_MAX }));

/** `server_name` is how `via` was called before version 1.12 of the specification. */
export const viaQuery = Type.Object({ via: servers, server_name: servers });

export function namedServers(query: { readonly via?: string[]; readonly server_name?: string[] }): readonly string[] {
  return [...new Set([...(query.via ?? []), ...(query.server_name ?? [])])];
}

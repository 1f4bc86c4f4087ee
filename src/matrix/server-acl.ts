/** Owns the decision whether a server may take part in a room, by `m.room.server_acl`. */
import { compileGlob, type Glob } from '#matrix/glob.ts';
import { hostnameOf, isIpLiteral } from '#matrix/ids.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';

/** Whether the server with this name may take part. */
export type ServerAcl = (serverName: string) => boolean;

/**
 * Compiles the content of a room's `m.room.server_acl`; a room without that event allows every server. Ports do not
 * count, nor does case, and entries that are no strings match nothing.
 * Specification: Client-Server API, `m.room.server_acl`; Server-Server API, "Server Access Control Lists".
 */
export function compileServerAcl(content: JsonObject): ServerAcl {
  const denied = globsOf(content['deny']);
  const allowed = globsOf(content['allow']);
  const refusesIpLiterals = content['allow_ip_literals'] === false;
  return (serverName) => {
    const hostname = hostnameOf(serverName);
    if (refusesIpLiterals && isIpLiteral(hostname)) return false;
    if (denied.some((matches) => matches(hostname))) return false;
    return allowed.some((matches) => matches(hostname));
  };
}

function globsOf(list: JsonValue | undefined): Glob[] {
  if (!Array.isArray(list)) return [];
  return list.filter((entry) => typeof entry === 'string').map((entry) => compileGlob(entry, { ignoreCase: true }));
}

/** Owns the two questions the auth rules ask about identifiers: which server, and whether a user id is valid. */

const userIdBytesMax = 255;
const serverName = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?$/;

/** The server in `@user:server`, `!room:server` (until version 11) or `$event:server` (versions 1 and 2). */
export function serverNameOf(id: string): string | undefined {
  const colon = id.indexOf(':');
  return colon === -1 ? undefined : id.slice(colon + 1);
}

/**
 * Whether this user id must be accepted in events: the historical character set counts, an empty localpart included.
 * Specification: Appendices, "User Identifiers" and "Historical User IDs".
 */
export function isUserId(id: string): boolean {
  if (!id.startsWith('@') || !id.isWellFormed() || Buffer.byteLength(id) > userIdBytesMax) return false;
  const server = serverNameOf(id);
  if (server === undefined || !serverName.test(server)) return false;
  return !id.slice(0, -server.length).includes('\0');
}

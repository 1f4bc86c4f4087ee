/** Owns the grammar of Matrix identifiers: server names, user ids, room ids, aliases and event ids. */

const ID_BYTES_MAX = 255;

const strictLocalpart = /^[a-z0-9._=\-/+]+$/;
const ipv4 = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
const ipv4Shaped = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const serverNameShape = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z.-]{1,255}))(?::(\d{1,5}))?$/;
// Anything but `:` and NUL; the `u` flag lets \p{Cs} find surrogates that have no partner.
const historicalLocalpart = /^[^:\0\p{Cs}]*$/u;

function isWithinLimit(id: string): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8, so short ids need no count.
  return id.length * 3 <= ID_BYTES_MAX || Buffer.byteLength(id) <= ID_BYTES_MAX;
}

/** Specification: Appendices, "Server Name". Case-sensitive; an IPv4 or IPv6 literal must be a possible one. */
export function isServerName(name: string): boolean {
  const match = serverNameShape.exec(name);
  if (match === null) return false;
  const [, ipv6, hostname] = match;
  if (ipv6 !== undefined) return isIpv6(ipv6);
  return hostname !== undefined && (!ipv4Shaped.test(hostname) || ipv4.test(hostname));
}

/** RFC 3513 §2.2: eight groups, one `::` may stand for several, the last two may be an IPv4 literal. */
function isIpv6(address: string): boolean {
  const halves = address.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [halfIndex, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    for (const [index, part] of parts.entries()) {
      const isLast = halfIndex === halves.length - 1 && index === parts.length - 1;
      if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups += 1;
      else if (isLast && ipv4.test(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** A server name without its port, for access lists and address look-ups; an IPv6 literal keeps its brackets. */
export function hostnameOf(serverName: string): string {
  return serverName.replace(/:\d+$/, '');
}

/** Whether a hostname (without port) is an IPv4 address or an IPv6 address in brackets. */
export function isIpLiteral(hostname: string): boolean {
  return hostname.startsWith('[') || ipv4.test(hostname);
}

/** The server's name of `@user:server`, `#alias:server`, `!room:server` (old rooms) or `$event:server` (versions 1, 2). */
export function serverNameOf(id: string): string | undefined {
  const colon = id.indexOf(':');
  return colon === -1 ? undefined : id.slice(colon + 1);
}

/** What stands between the sigil and the first colon. An id without a colon (rooms of version 12) gives all of it. */
export function localpartOf(id: string): string {
  const colon = id.indexOf(':');
  return id.slice(1, colon === -1 ? undefined : colon);
}

/** The server is held to the grammar alone: an id with an impossible address is still the same id to every server. */
function isLocalpartAndServer(id: string, sigil: string): boolean {
  if (id[0] !== sigil || !isWithinLimit(id)) return false;
  const colon = id.indexOf(':');
  return colon !== -1 && historicalLocalpart.test(id.slice(1, colon)) && serverNameShape.test(id.slice(colon + 1));
}

/**
 * A user id that must be accepted in events: the historical character set, an empty localpart included.
 * Specification: Appendices, "User Identifiers" and "Historical User IDs".
 */
export function isUserId(id: string): boolean {
  return isLocalpartAndServer(id, '@');
}

/** Whether a localpart may be given to a new user of ours. The length limit is that of the whole id: check `isUserId`. */
export function isStrictLocalpart(localpart: string): boolean {
  return strictLocalpart.test(localpart);
}

/** Specification: Appendices, "Room Aliases". */
export function isRoomAlias(id: string): boolean {
  return isLocalpartAndServer(id, '#');
}

/**
 * A room id of any version: `!localpart:server`, or `!` and a hash (version 12), which is written in the URL-safe
 * alphabet alone. Specification: Appendices, "Room IDs".
 */
export function isRoomId(id: string): boolean {
  if (isHashId(id, '!') && !/[+/]/.test(id)) return true;
  return isLocalpartAndServer(id, '!');
}

/** An event id of any version: `$localpart:server` (1, 2), or `$` and a hash in either alphabet. */
export function isEventId(id: string): boolean {
  if (isHashId(id, '$')) return true;
  return isLocalpartAndServer(id, '$');
}

function isHashId(id: string, sigil: string): boolean {
  return id.length === 44 && id[0] === sigil && /^[A-Za-z0-9+/_-]{43}$/.test(id.slice(1));
}

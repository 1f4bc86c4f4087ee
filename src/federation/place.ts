/** Owns reading where a server name, or what it delegates to, leads without asking DNS. */
import type { Place } from '#federation/https-exchange.ts';
import { hostnameOf, isIpLiteral, isServerName } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';

/** Where a server is that nothing else says anything of. */
export const FEDERATION_PORT = 8448;

const BYTES_MAX = 1_000_000;

/** The place of an IP address, with or without port, or of a host name with its port; undefined for a mere host name. */
export function directPlaceOf(name: string): Place | undefined {
  const hostname = hostnameOf(name);
  if (name === hostname && !isIpLiteral(hostname)) return undefined;
  const port = name === hostname ? FEDERATION_PORT : Number(name.slice(hostname.length + 1));
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { host, port, hostHeader: name, certificateName: host };
}

/** Whether the name is one, with a port that can be dialled if it has any. */
export function isReachableName(name: string): boolean {
  if (!isServerName(name)) return false;
  const hostname = hostnameOf(name);
  const port = name === hostname ? FEDERATION_PORT : Number(name.slice(hostname.length + 1));
  return port >= 1 && port <= 65_535;
}

/** The `m.server` of a well-known file; undefined for anything that is not valid. */
export function readDelegation(bytes: Buffer): string | undefined {
  const parsed = parseJsonBytes(bytes, { bytesMax: BYTES_MAX, numbers: 'any' });
  const delegated = parsed.ok && isJsonObject(parsed.value) ? parsed.value['m.server'] : undefined;
  return typeof delegated === 'string' && isReachableName(delegated) ? delegated : undefined;
}

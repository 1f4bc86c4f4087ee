/** Owns whose address a request counts as: the socket's, or behind trusted proxies the one that they name. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

export type RemoteAddressOf = (socketAddress: string | undefined, forwardedFor: string | undefined) => string;

/**
 * Makes the function that finds the client's address. `X-Forwarded-For` counts only when the socket's own address is
 * in `trustedProxies` (addresses or CIDR ranges), and is read from the right up to the first address that is not:
 * what stands left of that was written by the client itself. Throws a TypeError for an entry that is no address.
 */
export function createRemoteAddressOf(trustedProxies: readonly string[]): RemoteAddressOf {
  const trusted = new BlockList();
  for (const entry of trustedProxies) addTrusted(trusted, entry);
  const isTrusted = (address: string): boolean => trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

  return (socketAddress, forwardedFor) => {
    let address = normalise(socketAddress ?? '');
    if (forwardedFor === undefined || trustedProxies.length === 0 || isIP(address) === 0) return address;
    const hops = forwardedFor.split(',');
    while (hops.length > 0 && isTrusted(address)) {
      const hop = normalise(hops.pop()?.trim() ?? '');
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** What an address shares a rate limit with: an IPv6 client commands its whole /64, an IPv4 client one address. */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1).join('').split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return `${left.slice(0, 4).map(trimZeros).join(':')}::/64`;
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).map(trimZeros).join(':')}::/64`;
}

function trimZeros(group: string): string {
  return group.toLowerCase().replace(/^0+(?=.)/, '');
}

// A dual-stack socket names IPv4 peers as ::ffff:192.0.2.1; some proxies write [::1]:1234 or 192.0.2.1:1234.
function normalise(raw: string): string {
  if (!raw.includes(':')) return raw;
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(raw)?.[1] ?? raw;
  const withoutPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bracketed)?.[1] ?? bracketed;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutPort)?.[1] ?? withoutPort;
}

function addTrusted(trusted: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/');
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bits = prefix === undefined ? undefined : Number(prefix);
  const bitsMax = family === 'ipv4' ? 32 : 128;
  const oddBits = bits !== undefined && !(Number.isInteger(bits) && prefix !== '' && bits >= 0 && bits <= bitsMax);
  if (isIP(address) === 0 || rest.length > 0 || oddBits) {
    throw new TypeError(`"${entry}" is neither an IP address nor a range such as 10.0.0.0/8.`);
  }
  if (bits === undefined) trusted.addAddress(address, family);
  else trusted.addSubnet(address, bits, family);
}

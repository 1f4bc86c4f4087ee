/** Owns the check of the name that a server of ours may be given. */
import { isIPv4, isIPv6 } from 'node:net';

const shape = /^(?:\[(?<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?<host>[0-9A-Za-z.-]{1,255}))(?::(?<port>\d{1,5}))?$/;
const ipv4Shaped = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const dnsLabel = /^[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?$/;

/**
 * Whether a server may be named so. The grammar is that of the specification (Appendices, "Server Name"); since the
 * name is our own to choose, its recommendations on length and on the labels of DNS names are held to as well.
 */
export function isOwnServerName(name: string): boolean {
  const parts = shape.exec(name)?.groups;
  if (parts === undefined || name.length > 230) return false;
  const { ipv6, host, port } = parts;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return false;
  if (ipv6 !== undefined) return isIPv6(ipv6);
  if (host === undefined) return false;
  return ipv4Shaped.test(host) ? isIPv4(host) : host.split('.').every((label) => dnsLabel.test(label));
}

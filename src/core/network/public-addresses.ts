/** Owns which addresses this server connects to by itself: public ones, and those that its operator allows. */
import { BlockList, isIP, isIPv4 } from 'node:net';

/** Whether an IP address (without brackets or zone) may be connected to. */
export type AddressRule = (address: string) => boolean;

// The "IANA IPv4 Special-Purpose Address Registry", and multicast.
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
// All that is given out to the public is in here…
const globalIpv6 = ['2000::/3'];
// …but for what leads elsewhere: protocol assignments with Teredo, documentation, and 6to4, which wraps any IPv4 address.
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/**
 * Public addresses, and those in `allowRanges` (addresses and CIDR ranges, which the configuration has checked). IPv4
 * addresses in IPv6 clothes (`::ffff:…`) are judged as what they are.
 */
export function createAddressRule(allowRanges: readonly string[]): AddressRule {
  const allowed = blockListOf(allowRanges);
  const special = blockListOf([...specialIpv4, ...specialIpv6]);
  const global = blockListOf(globalIpv6);
  return (written) => {
    const address = unmapped(written);
    // A zone names an interface of this machine.
    if (isIP(address) === 0 || address.includes('%')) return false;
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (allowed.check(address, family)) return true;
    if (family === 'ipv6' && !global.check(address, family)) return false;
    return !special.check(address, family);
  };
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return list;
}

/** `::ffff:192.0.2.1`, and `::ffff:c000:201` in any spelling, as `192.0.2.1`. */
function unmapped(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address;
  // URL writes every spelling of an address in the same way.
  const groups = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${address}]/`).hostname);
  if (groups === null) return address;
  const [high, low] = groups.slice(1).map((group) => Number.parseInt(group, 16));
  if (high === undefined || low === undefined) return address;
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

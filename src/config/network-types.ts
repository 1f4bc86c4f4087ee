/** Owns the kinds of configuration values that name places on a network: addresses, ranges and URLs. */
import { isIP } from 'node:net';
import { scalar, type ValueType } from '#config/value-types.ts';

/** Where a listener binds. `host` is an IP address without brackets, or a host name; port 0 takes any free one. */
export type ListenAddress = { readonly host: string; readonly port: number };

const addressShape = /^(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?<host>[0-9A-Za-z.-]{1,255})):(?<port>\d{1,5})$/;

export const listenAddress: ValueType<ListenAddress> = scalar(
  '`host:port`, where the host is an IPv4 address, an IPv6 address in square brackets or a host name, ' +
    'and the port is 0 (any free port) to 65535',
  (raw) => {
    const parts = addressShape.exec(raw)?.groups;
    const host = parts?.['ipv6'] ?? parts?.['host'];
    const port = Number(parts?.['port']);
    if (host === undefined || port > 65_535) return undefined;
    if (parts?.['ipv6'] !== undefined && isIP(host) !== 6) return undefined;
    if (/^[\d.]+$/.test(host) && isIP(host) !== 4) return undefined;
    return { host, port };
  },
);

/** One IP address, or a range of them in CIDR notation. */
export const networkRange: ValueType<string> = scalar('an IP address or a range such as `10.0.0.0/8`', (raw) => {
  const [address = '', prefix, ...rest] = raw.split('/');
  const family = isIP(address);
  // A zone (`fe80::1%eth0`) names an interface of this machine, which no range can contain.
  if (family === 0 || address.includes('%') || rest.length > 0) return undefined;
  if (prefix === undefined) return raw;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128) ? raw : undefined;
});

/** A name server: an address, an IPv6 one in square brackets if a port follows. */
export const dnsServer: ValueType<string> = scalar('an IP address with or without `:port`', (raw) => {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(raw) ?? [];
  const address = bracketed ?? plain ?? raw;
  if (isIP(address) === 0 || address.includes('%') || (bracketed !== undefined && isIP(address) !== 6))
    return undefined;
  return Number(port ?? 53) >= 1 && Number(port ?? 53) <= 65_535 ? raw : undefined;
});

/** An http or https URL without credentials, query or fragment. Given without a slash at its end. */
export const baseUrl: ValueType<string> = scalar(
  'an `https://` or `http://` URL without user name, query or fragment',
  (raw) => {
    const url = URL.parse(raw);
    if (url === null || !/^https?:\/\//i.test(raw) || /[?#\s]/.test(raw)) return undefined;
    return url.username === '' && url.password === '' ? url.href.replace(/\/+$/, '') : undefined;
  },
);

/** A PostgreSQL connection URL; a Unix socket is given by `?host=/directory`, with or without a user name. */
export const postgresUrl: ValueType<string> = scalar('a `postgresql://` or `postgres://` URL', (raw) =>
  /^postgres(?:ql)?:\/\/\S+$/.test(raw) && URL.canParse(raw.replace('@/', '@localhost/')) ? raw : undefined,
);

export const redisUrl: ValueType<string> = scalar('a `redis://` or `rediss://` URL', (raw) =>
  /^rediss?:\/\/[^\s/]/.test(raw) && URL.canParse(raw) ? raw : undefined,
);

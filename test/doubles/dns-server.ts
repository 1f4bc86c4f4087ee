/** Owns a small name server over UDP: it answers from what a test gives it, or fails as name servers do. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

export type SrvRecord = {
  readonly name: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
};

/** `silent` never answers, `failing` answers SERVFAIL. What is left out does not exist. */
export type DnsName =
  | 'silent'
  | 'failing'
  | {
      readonly addresses?: readonly string[] | (() => readonly string[]);
      readonly srv?: readonly SrvRecord[];
      readonly alias?: string;
    };

export type DnsServer = AsyncDisposable & {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** By name in lower case; may be changed at any time. */
  readonly names: Map<string, DnsName>;
  /** What was asked so far: `A hs1.example`. */
  readonly questions: readonly string[];
};

const types: Readonly<Record<number, string>> = { 1: 'A', 5: 'CNAME', 28: 'AAAA', 33: 'SRV' };

export async function startDnsServer(names: Readonly<Record<string, DnsName>> = {}): Promise<DnsServer> {
  const known = new Map(Object.entries(names));
  const questions: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query);
    questions.push(`${types[type] ?? type} ${name}`);
    const found = known.get(name);
    if (found === 'silent') return;
    const records = found === 'failing' || found === undefined ? [] : recordsOf(found, type, known);
    const code = found === undefined ? 3 : found === 'failing' ? 2 : 0;
    const head = Buffer.alloc(12);
    head.writeUInt16BE(query.readUInt16BE(0), 0);
    // An answer, from a server that asks others, with its code.
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    names: known,
    questions,
    [Symbol.asyncDispose]: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

type Found = Exclude<DnsName, string>;

function recordsOf(found: Found, type: number, names: ReadonlyMap<string, DnsName>): Buffer[] {
  if (found.alias !== undefined && (type === 1 || type === 28)) {
    const target = names.get(found.alias);
    const pointed = typeof target === 'object' ? recordsOf({ ...target }, type, names) : [];
    const alias = record(5, writeName(found.alias));
    // The records after an alias are those of the other name.
    return [alias, ...pointed.map((bytes) => Buffer.concat([writeName(found.alias ?? ''), bytes.subarray(2)]))];
  }
  if (type === 33) {
    return (found.srv ?? []).map(({ name, port, priority = 10, weight = 10 }) => {
      const numbers = Buffer.alloc(6);
      [priority, weight, port].forEach((number, index) => numbers.writeUInt16BE(number, index * 2));
      return record(33, Buffer.concat([numbers, writeName(name)]));
    });
  }
  const { addresses = [] } = found;
  const all = typeof addresses === 'function' && (type === 1 || type === 28) ? addresses() : addresses;
  if (typeof all === 'function') return [];
  return all
    .filter((address) => isIPv4(address) === (type === 1) && (type === 1 || type === 28))
    .map((address) => record(type, isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)));
}

/** About the name that was asked for, which stands at byte 12; not to be remembered. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(0, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.from([0]),
  ]);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

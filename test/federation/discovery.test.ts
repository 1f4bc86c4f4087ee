/** Proves how a server is found by its name, step by step, on a network with a name server of the test's. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { pbkdf2 } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { NotConnected, RemoteUnreachable } from '#federation/remote-errors.ts';
import { createFinding, type Finding } from '#test/federation/finding.ts';
import { startDnsServer, type DnsServer } from '#test/doubles/dns-server.ts';
import { issueCertificate, makeAuthority } from '#test/support/certificate.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';
import { testAuthority } from '#test/support/test-authority.ts';

const wellKnown = '/.well-known/matrix/server';
const here = { addresses: ['127.0.0.1'] };
const ask = { method: 'GET', target: '/version', timeoutMs: 5_000, bytesMax: 10_000 };

function portOf(peer: Peer): number {
  return Number(peer.name.slice(peer.name.lastIndexOf(':') + 1));
}

describe('finding a server', () => {
  let dns: DnsServer;
  let finding: Finding;
  /** Has certificates for one name each; `delegate` is where the well-known file of `example.test` leads. */
  let own: Peer;
  let delegate: Peer;
  let byAddress: Peer;
  before(async () => {
    dns = await startDnsServer({ 'example.test': here, 'delegate.test': here, 'target.test': here });
    [own, delegate, byAddress] = await Promise.all([
      startPeer('example.test'),
      startPeer('delegate.test'),
      startPeer('127.0.0.1'),
    ]);
    for (const peer of [own, delegate, byAddress]) peer.answer('GET', '/version', () => ({ name: peer.name }));
  });
  after(async () => {
    await Promise.all([dns, own, delegate, byAddress].map((each) => each[Symbol.asyncDispose]()));
  });
  /** Nothing is remembered of earlier tests. */
  const start = (): Finding => {
    finding = createFinding({ dnsServer: dns.address });
    finding.ports.set('example.test:443', portOf(own));
    own.answer('GET', wellKnown, () => new PeerReply(404, {}));
    for (const name of [...dns.names.keys()]) if (name.startsWith('_')) dns.names.delete(name);
    return finding;
  };
  /** Who answered, under which `Host` and which name of the certificate. */
  const found = async (serverName: string): Promise<unknown[]> => {
    const { bytes } = await finding.transport(serverName, ask);
    const { name }: { name: string } = JSON.parse(bytes.toString());
    const asked = [own, delegate, byAddress].find((peer) => peer.name === name)?.requests.at(-1);
    return [name.replace(/:\d+$/, ''), asked?.headers.host, asked?.sni];
  };

  test('F15: an IP address is dialled on its port or 8448, with a certificate for the address', async () => {
    using network = start();
    assert.deepEqual(await found(byAddress.name), ['127.0.0.1', byAddress.name, false]);
    network.ports.set('127.0.0.1:8448', portOf(byAddress));
    assert.deepEqual(await found('127.0.0.1'), ['127.0.0.1', '127.0.0.1', false]);
    await assert.rejects(network.transport(`127.0.0.1:${portOf(own)}`, ask), NotConnected);
    assert.deepEqual(dns.questions, []);
  });

  test('F15: a name with a port is looked up and asked for no file', async () => {
    using network = start();
    assert.deepEqual(await found(own.name), ['example.test', own.name, 'example.test']);
    assert.deepEqual(network.dialled, [own.name]);
  });

  test('F15: a file that delegates to an address, to a host with a port, and to a mere host', async () => {
    using first = start();
    own.answer('GET', wellKnown, () => ({ 'm.server': byAddress.name }));
    assert.deepEqual(await found('example.test'), ['127.0.0.1', byAddress.name, false]);
    first[Symbol.dispose]();

    using second = start();
    own.answer('GET', wellKnown, () => ({ 'm.server': delegate.name }));
    assert.deepEqual(await found('example.test'), ['delegate.test', delegate.name, 'delegate.test']);
    second[Symbol.dispose]();

    using third = start();
    own.answer('GET', wellKnown, () => ({ 'm.server': 'delegate.test' }));
    third.ports.set('delegate.test:8448', portOf(delegate));
    assert.deepEqual(await found('example.test'), ['delegate.test', 'delegate.test', 'delegate.test']);
    // What is delegated to is not asked for a file of its own.
    assert.deepEqual(third.dialled, ['example.test:443', 'delegate.test:8448']);
  });

  for (const [service, other] of [['_matrix-fed._tcp'], ['_matrix._tcp'], ['_matrix-fed._tcp', '_matrix._tcp']]) {
    test(`F15: a record ${service} ${other === undefined ? 'alone' : `before ${other}`} says whom to dial, and nothing of the certificate`, async () => {
      using network = start();
      network.ports.set('target.test:4000', portOf(own));
      dns.names.set(`${service}.example.test`, { srv: [{ name: 'target.test', port: 4000 }] });
      if (other !== undefined) dns.names.set(`${other}.example.test`, { srv: [{ name: 'target.test', port: 4001 }] });
      assert.deepEqual(await found('example.test'), ['example.test', 'example.test', 'example.test']);

      network.passMs(3 * 3_600_000);
      own.answer('GET', wellKnown, () => ({ 'm.server': 'delegate.test' }));
      network.ports.set('target.test:4002', portOf(delegate));
      dns.names.set(`${service}.delegate.test`, { srv: [{ name: 'target.test', port: 4002 }] });
      assert.deepEqual(await found('example.test'), ['delegate.test', 'delegate.test', 'delegate.test']);
    });
  }

  test('F15: without file and record it is port 8448 of the name itself', async () => {
    using network = start();
    network.ports.set('example.test:8448', portOf(own));
    assert.deepEqual(await found('example.test'), ['example.test', 'example.test', 'example.test']);
    assert.deepEqual(network.dialled, ['example.test:443', 'example.test:8448']);
  });

  test('F15: a name of digits alone is a name, which nobody has, and no address', async () => {
    using network = start();
    for (const name of ['9007199254740992', '1']) await assert.rejects(network.transport(name, ask), RemoteUnreachable);
  });

  test('F15: of several records the next one is tried when there is no connection, in the order of priorities', async () => {
    using network = start();
    network.ports.set('target.test:4003', portOf(own));
    const dead = { name: 'nowhere.test', port: 4000, priority: 1 };
    const wrong = { name: 'delegate.test', port: portOf(delegate), priority: 2 };
    const right = { name: 'target.test', port: 4003, priority: 3 };
    dns.names.set('_matrix-fed._tcp.example.test', { srv: [right, wrong, { name: 'example.test', port: 0 }, dead] });
    assert.deepEqual(await found('example.test'), ['example.test', 'example.test', 'example.test']);
    assert.deepEqual(network.dialled.slice(1), ['nowhere.test:4000', delegate.name, 'target.test:4003']);
  });

  test('F15: an alias is followed to the addresses of the other name', async () => {
    using network = start();
    network.ports.set('example.test:8448', portOf(own));
    dns.names.set('elsewhere.test', here);
    dns.names.set('example.test', { alias: 'elsewhere.test' });
    assert.deepEqual((await found('example.test'))[0], 'example.test');
    dns.names.set('example.test', here);
  });

  test('V103: what is no valid file counts as none: odd JSON, odd names, redirects without end, packed or endless bytes', async () => {
    using network = start();
    network.ports.set('example.test:8448', portOf(own));
    const endless = (_: unknown, response: Parameters<Parameters<Peer['answer']>[2]>[1]): undefined => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
      return undefined;
    };
    const redirect = (location: string) => (_: unknown, response: Parameters<Parameters<Peer['answer']>[2]>[1]) => {
      response.writeHead(302, { location }).end();
      return undefined;
    };
    const oddities: Parameters<Peer['answer']>[2][] = [
      ...['', 'no json', '[]', '{"m.server": 1}', '{"m.server": "a b"}', '{"m.server": "delegate.test:0"}'].map(
        (text) => () => new PeerReply(200, text),
      ),
      () => new PeerReply(200, `{"m.server": "${delegate.name}", "more": "${'x'.repeat(50 * 1024)}"}`),
      () => new PeerReply(201, { 'm.server': delegate.name }),
      endless,
      redirect(wellKnown),
      redirect(`http://example.test${wellKnown}`),
      redirect('ftp://example.test/'),
      redirect(`https://user:password@${delegate.name}/`),
      redirect('https://2130706433:1/'),
      (_asked, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
        return undefined;
      },
    ];
    for (const oddity of oddities) {
      own.answer('GET', wellKnown, oddity);
      network.passMs(48 * 3_600_000);
      assert.deepEqual((await found('example.test'))[0], 'example.test', oddity.toString());
    }
  });

  test('V103: a file that never ends coming holds up nobody else', async () => {
    using network = createFinding({ dnsServer: dns.address, wellKnownMs: 300 });
    finding = network;
    network.ports.set('example.test:443', portOf(own)).set('example.test:8448', portOf(own));
    let isOver = false;
    own.answer('GET', wellKnown, (_asked, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => {
        isOver = true;
        clearInterval(timer);
      });
      return undefined;
    });
    const slow = found('example.test');
    assert.deepEqual((await found(delegate.name))[0], 'delegate.test');
    assert.ok(!isOver, 'the file was still coming');
    assert.deepEqual((await slow)[0], 'example.test');
  });

  test('V102: up to three redirects are followed, and each is dialled only where public addresses are', async () => {
    using network = start();
    const redirects = (count: number): void =>
      own.answer('GET', /^\/\.well-known\/matrix\/server/, ({ target }, response) => {
        const hop = Number(target.split('?')[1] ?? 0);
        if (hop === count) return { 'm.server': delegate.name };
        response.writeHead(307, { location: `${wellKnown}?${hop + 1}` }).end();
        return undefined;
      });
    redirects(3);
    assert.deepEqual((await found('example.test'))[0], 'delegate.test');
    network.passMs(49 * 3_600_000);
    network.ports.set('example.test:8448', portOf(own));
    redirects(4);
    assert.deepEqual((await found('example.test'))[0], 'example.test');
  });

  test('the file is remembered as its headers say: a day without any, two days at most, a minute at least', async () => {
    using network = start();
    network.ports.set('example.test:8448', portOf(own));
    const HOUR_MS = 3_600_000;
    const isAskedAfter = async (headers: Record<string, string>, ms: number): Promise<boolean> => {
      own.answer('GET', wellKnown, (_asked, response) => {
        response.writeHead(200, headers).end(JSON.stringify({ 'm.server': delegate.name }));
        return undefined;
      });
      network.passMs(49 * HOUR_MS);
      await found('example.test');
      network.dialled.length = 0;
      network.passMs(ms);
      await found('example.test');
      return network.dialled.includes('example.test:443');
    };
    assert.equal(await isAskedAfter({}, 23 * HOUR_MS), false);
    assert.equal(await isAskedAfter({}, 25 * HOUR_MS), true);
    assert.equal(await isAskedAfter({ 'cache-control': 'public, max-age=7200' }, HOUR_MS), false);
    assert.equal(await isAskedAfter({ 'cache-control': 'public, max-age=7200' }, 3 * HOUR_MS), true);
    assert.equal(await isAskedAfter({ 'cache-control': 'max-age=99999999' }, 47 * HOUR_MS), false);
    assert.equal(await isAskedAfter({ 'cache-control': 'max-age=99999999' }, 48.1 * HOUR_MS), true);
    assert.equal(await isAskedAfter({ 'cache-control': 'no-store' }, 50_000), false);
    assert.equal(await isAskedAfter({ 'cache-control': 'no-store' }, 61_000), true);
    const expires = new Date(Date.now() + 2 * 365 * 24 * HOUR_MS).toUTCString();
    assert.equal(await isAskedAfter({ expires }, 47 * HOUR_MS), false);
    assert.equal(await isAskedAfter({ expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }, 61_000), true);
  });

  test('that there is no file is remembered for an hour at most, and a host that fails keeps its delegation for a while', async () => {
    using network = start();
    network.ports.set('example.test:8448', portOf(own));
    await found('example.test');
    network.dialled.length = 0;
    await found('example.test');
    assert.ok(!network.dialled.includes('example.test:443'));
    network.passMs(3_600_000);
    own.answer('GET', wellKnown, () => ({ 'm.server': delegate.name }));
    assert.deepEqual((await found('example.test'))[0], 'delegate.test');

    own.answer('GET', wellKnown, () => new PeerReply(502, 'a proxy'));
    network.passMs(25 * 3_600_000);
    assert.deepEqual((await found('example.test'))[0], 'delegate.test', 'it said so less than two days ago');
    network.passMs(24 * 3_600_000);
    assert.deepEqual((await found('example.test'))[0], 'example.test');
  });

  test('V102: what a name leads to is judged when it is dialled, each time', async () => {
    using network = start();
    // The first connection finds an address that is allowed here, every later one does not.
    const answers = [['127.0.0.1'], ['127.0.0.1'], ['127.0.0.2'], ['127.0.0.2']];
    dns.names.set('rebinding.test', { addresses: () => answers.shift() ?? ['10.0.0.1', '169.254.169.254'] });
    await using peer = await startPeer('rebinding.test');
    peer.answer('GET', '/version', (_asked, response) => {
      response.setHeader('connection', 'close');
      return {};
    });
    assert.equal((await network.transport(peer.name, ask)).status, 200);
    for (let again = 0; again < 3; again++) {
      await assert.rejects(network.transport(peer.name, ask), (error: unknown) => {
        assert.ok(error instanceof NotConnected);
        assert.match(error.message, /leads to no public address/);
        return true;
      });
    }
    assert.equal(peer.requests.length, 1);
    // One that is allowed among others is the only one that is dialled.
    dns.names.set('rebinding.test', { addresses: ['10.0.0.1', '127.0.0.1', '::1'] });
    assert.equal((await network.transport(peer.name, ask)).status, 200);
  });

  test('V102: files and records that lead to private addresses are not followed there', async () => {
    using network = start();
    own.answer('GET', wellKnown, () => ({ 'm.server': `127.0.0.2:${portOf(delegate)}` }));
    await assert.rejects(network.transport('example.test', ask), /no public address/);
    network.passMs(49 * 3_600_000);
    own.answer('GET', wellKnown, () => new PeerReply(404, {}));
    dns.names.set('private.test', { addresses: ['10.0.0.1'] });
    dns.names.set('_matrix-fed._tcp.example.test', { srv: [{ name: 'private.test', port: 1 }] });
    await assert.rejects(network.transport('example.test', ask), /no public address/);
    for (const name of ['10.0.0.1', '[::1]:8448', '[::ffff:7f00:2]', '169.254.169.254:80', '0.0.0.0:1']) {
      await assert.rejects(network.transport(name, ask), /no public address/, name);
    }
    using strict = createFinding({ dnsServer: dns.address, allowRanges: [] });
    await assert.rejects(strict.transport('localhost:1', ask), /no public address/);
  });

  test('F15: a certificate that has expired, is for another name, or of an unknown authority is refused', async () => {
    using network = start();
    const certificates = [
      issueCertificate('example.test', testAuthority, Date.now() - 1_000),
      issueCertificate('other.test', testAuthority),
      issueCertificate('example.test', makeAuthority('Somebody')),
    ];
    for (const certificate of certificates) {
      await using peer = await startPeer('example.test', certificate);
      await assert.rejects(network.transport(peer.name, ask), NotConnected);
      assert.deepEqual(peer.requests, []);
    }
  });

  test('R31: name servers that do not answer, fail or know nothing take no thread from files and signatures', async () => {
    using network = start();
    dns.names.set('failing.test', 'failing');
    await assert.rejects(network.transport('failing.test:1', ask), RemoteUnreachable);
    await assert.rejects(network.transport('unknown.test:1', ask), RemoteUnreachable);
    const peers = Array.from({ length: 1_000 }, (_, index) => `silent-${index}.test`);
    for (const name of peers) dns.names.set(name, 'silent');
    let pending = peers.length;
    const asked = peers.map((name) =>
      network.transport(`${name}:1`, { ...ask, timeoutMs: 1_500 }).finally(() => void (pending -= 1)),
    );
    const failures = Promise.allSettled(asked);
    await Promise.all([
      readFile(new URL(import.meta.url)),
      ...Array.from({ length: 8 }, () => promisify(pbkdf2)('a', 'b', 1_000, 32, 'sha256')),
    ]);
    assert.equal((await network.transport(delegate.name, ask)).status, 200);
    assert.ok(pending > 0, 'names were still being waited for');
    assert.ok((await failures).every(({ status }) => status === 'rejected'));
  });
});

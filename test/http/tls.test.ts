/** Proves the listener with TLS: what it speaks, and how it takes a new certificate and refuses a broken one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { systemClock } from '#core/clock.ts';
import { listenTls, type TlsFiles } from '#http/listen-tls.ts';
import type { Listening } from '#http/listen.ts';
import { until } from '#test/http/test-http.ts';
import { issueCertificate, makeAuthority, type Certificate } from '#test/support/certificate.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const authority = makeAuthority('Test authority');

test('TLS 1.3 is preferred, 1.2 possible, and anything older refused', async () => {
  await using server = await start();
  assert.equal((await ask(server)).protocol, 'TLSv1.3');
  assert.equal((await ask(server, { maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  await assert.rejects(ask(server, old), /alert|protocol/i);
});

test('a certificate that is replaced serves new connections, while old ones live on', async () => {
  await using server = await start();
  const kept = await openTls(server.port);
  const before = serialOf(kept);
  replaceFiles(server.files, issueCertificate('localhost', authority));
  await until(async () => (await ask(server)).serial !== before);
  assert.match(await exchange(kept), /^HTTP\/1\.1 200 /);
});

test('a certificate that cannot be used is logged, and the old one stays until a good one comes', async () => {
  await using server = await start();
  const { serial } = await ask(server);
  replaceFiles(server.files, { certificate: 'no certificate', key: 'no key' });
  const refusals = () => server.logged().split('cannot be used').length - 1;
  await until(() => refusals() > 0);
  assert.equal((await ask(server)).serial, serial);
  const next = issueCertificate('localhost', authority);
  // The two files are never replaced at the same moment: for a while they do not belong together.
  const soFar = refusals();
  replaceFile(server.files.certificate, next.certificate);
  await until(() => refusals() > soFar);
  assert.equal((await ask(server)).serial, serial);
  replaceFile(server.files.key, next.key);
  await until(async () => (await ask(server)).serial !== serial);
});

test('files that cannot be used stop the start with a sentence that names the keys', async () => {
  using directory = makeTemporaryDirectory();
  const files = { certificate: path.join(directory.path, 'absent.pem'), key: path.join(directory.path, 'absent.key') };
  const options = { host: '127.0.0.1', port: 0, listener: () => {}, files, logger: pino({ level: 'silent' }) };
  await assert.rejects(listenTls(options), {
    name: 'StartError',
    message: /absent\.pem.*ENOENT.*tls\.certificate \(CAUSEWAY_TLS_CERTIFICATE\) and tls\.key/s,
  });
  const [one, other] = [issueCertificate('localhost', authority), issueCertificate('localhost', authority)];
  writeFileSync(files.certificate, one.certificate);
  writeFileSync(files.key, other.key);
  await assert.rejects(listenTls(options), { name: 'StartError' });
});

test('stopping waits neither for connections without a handshake nor for idle ones', async () => {
  const server = await start();
  const silent = connectTcp(server.port, '127.0.0.1');
  await once(silent, 'connect');
  const idle = await openTls(server.port);
  assert.match(await exchange(idle), /^HTTP\/1\.1 200 /);
  const unused = await openTls(server.port);
  const closed = Promise.all([silent, idle, unused].map((socket) => once(socket.resume(), 'close')));
  const begun = systemClock.monotonicMs();
  await server[Symbol.asyncDispose]();
  await closed;
  assert.ok(systemClock.monotonicMs() - begun < 2_000);
});

type TlsServer = Listening & { readonly files: TlsFiles; readonly logged: () => string };

async function start(): Promise<TlsServer> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(makeTemporaryDirectory());
  const files = { certificate: path.join(directory.path, 'cert.pem'), key: path.join(directory.path, 'key.pem') };
  replaceFiles(files, issueCertificate('localhost', authority));
  const lines: string[] = [];
  const listening = stack.use(
    await listenTls({
      host: '127.0.0.1',
      port: 0,
      listener: (_request, response) => response.end('{}'),
      files,
      logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
      watchMs: 20,
    }),
  );
  const running = stack.move();
  return {
    ...listening,
    files,
    logged: () => lines.join(''),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function replaceFiles(files: TlsFiles, { certificate, key }: Certificate): void {
  replaceFile(files.key, key);
  replaceFile(files.certificate, certificate);
}

/** As programs that renew certificates do it: a file is never seen half written. */
function replaceFile(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

async function openTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.certificate, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

function serialOf(socket: TLSSocket): string {
  return socket.getPeerCertificate().serialNumber;
}

/** One request on an open connection; gives the answer's first bytes. */
async function exchange(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [chunk]: Buffer[] = await once(socket, 'data');
  return String(chunk);
}

async function ask(
  { port }: { readonly port: number },
  options?: ConnectionOptions,
): Promise<{ protocol: string | null; serial: string }> {
  const socket = await openTls(port, options);
  const found = { protocol: socket.getProtocol(), serial: serialOf(socket) };
  assert.match(await exchange(socket), /^HTTP\/1\.1 200 /);
  socket.destroy();
  return found;
}

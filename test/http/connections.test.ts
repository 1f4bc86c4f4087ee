/** Proves what happens to connections: slow, malformed, broken off, and those of a server that stops. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { Type } from 'typebox';
import { listen, ListenError } from '#http/listen.ts';
import { createOperationsListener } from '#http/operations-listener.ts';
import { exchange, openSocket, readToEnd, row, startHttp, until } from '#test/http/test-http.ts';

const timeouts = { headersMs: 300, requestMs: 600 };

test('slow heads and slow bodies are cut off, while long polls live on', async () => {
  const poll = row({
    path: '/poll',
    handler: async () => {
      await wait(1500);
      return { waited: true };
    },
  });
  const body = row({ path: '/body', method: 'POST', body: Type.Object({}) });
  await using server = await startHttp([poll, body], undefined, { timeouts });
  const [answered, head, slowBody] = await Promise.all([
    server.fetch('/poll'),
    exchange(server.port, 'GET /poll HTTP/1.1\r\nHost: x\r\nX-Slow: '),
    exchange(server.port, 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{'),
  ]);
  assert.deepEqual(await answered.json(), { waited: true });
  for (const text of [head, slowBody]) {
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(text, /"errcode":"M_UNKNOWN"/);
  }
  assert.match(await server.metrics.metrics(), /operation="own.POST.\/body",outcome="gone"\} 1/);
});

test('hundreds of slow connections do not keep others waiting', async () => {
  await using server = await startHttp([row({ path: '/quick' })], undefined, { timeouts: { headersMs: 5_000 } });
  const listener = createOperationsListener({
    checkReady: async () => {},
    readyMs: 100,
    metrics: new Registry(),
    status: () => ({}),
  });
  await using operations = await listen({ host: '127.0.0.1', port: 0, listener });
  const slow = await Promise.all(Array.from({ length: 300 }, () => openSocket(server.port)));
  for (const socket of slow) socket.write('GET /quick HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  for (const url of [`${server.url}/quick`, `http://127.0.0.1:${operations.port}/health`]) {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    assert.equal(response.status, 200);
  }
  for (const socket of slow) socket.destroy();
});

test('what is no HTTP is answered in JSON and closed', async () => {
  await using server = await startHttp([row({ path: '/x' })], undefined);
  const garbage = await exchange(server.port, 'HELLO\r\n\r\n');
  assert.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(garbage, /\r\nAccess-Control-Allow-Origin: \*\r\n/);
  assert.match(garbage, /"errcode":"M_UNKNOWN"/);
  const smuggled = 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  assert.match(await exchange(server.port, smuggled), /^HTTP\/1\.1 400 /);
  const huge = await exchange(server.port, `GET /x HTTP/1.1\r\nHost: x\r\nX-Huge: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.match(huge, /^HTTP\/1\.1 431 /);
  assert.match(huge, /"errcode":"M_TOO_LARGE"/);
});

test('a client that leaves aborts its request, and work that is done stays done', async () => {
  const seen: string[] = [];
  const poll = row({
    path: '/poll',
    handler: async (_context, { signal }) => {
      seen.push('begun');
      await once(signal, 'abort');
      seen.push('committed after all');
      signal.throwIfAborted();
      return {};
    },
  });
  await using server = await startHttp([poll], undefined);
  const socket = await openSocket(server.port);
  socket.write('GET /poll HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => seen.length === 1);
  socket.destroy();
  await until(() => seen.length === 2);
  await until(() => server.logged().includes('"status":"gone"'));
  assert.doesNotMatch(server.logged(), /"level":50/);
});

test('a signal that is read late is aborted already, and one of an answered request never', async () => {
  const signals: AbortSignal[] = [];
  let begun = false;
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => (leave = resolve));
  const late = row({
    path: '/late',
    handler: async (_context, request) => {
      begun = true;
      await left;
      signals.push(request.signal);
      return {};
    },
  });
  const quick = row({
    path: '/quick',
    handler: (_context, { signal }) => {
      signals.push(signal);
      return {};
    },
  });
  await using server = await startHttp([late, quick], undefined);
  const answered = await exchange(server.port, 'GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(answered, /^HTTP\/1\.1 200 /);
  assert.equal(signals[0]?.aborted, false);

  const socket = await openSocket(server.port);
  socket.write('GET /late HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => begun);
  socket.destroy();
  // The server has seen the client leave when a connection opened later has been answered.
  await exchange(server.port, 'GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  leave();
  await until(() => signals.length === 3);
  assert.equal(signals[2]?.aborted, true);
});

test('stopping ends long polls, finishes what is in progress and closes idle connections', async () => {
  const begun = { poll: false, work: false };
  const poll = row({
    path: '/poll',
    handler: async (_context, { signal }) => {
      begun.poll = true;
      await wait(60_000, undefined, { signal });
      return {};
    },
  });
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const work = row({
    path: '/task',
    handler: async () => {
      begun.work = true;
      await finished;
      return { done: true };
    },
  });
  const server = await startHttp([poll, work], undefined);
  const idle = await openSocket(server.port);
  const idleEnd = readToEnd(idle);
  const polling = await openSocket(server.port);
  polling.write('GET /poll HTTP/1.1\r\nHost: x\r\n\r\n');
  const pollingEnd = readToEnd(polling);
  const working = await openSocket(server.port);
  working.write('GET /task HTTP/1.1\r\nHost: x\r\n\r\n');
  const workingEnd = readToEnd(working);
  await until(() => begun.poll && begun.work);

  const stopped = server[Symbol.asyncDispose]();
  const pollAnswer = await pollingEnd;
  assert.match(pollAnswer, /^HTTP\/1\.1 503 /);
  assert.match(pollAnswer, /\r\nRetry-After: 1\r\n/);
  assert.equal(await idleEnd, '');
  await assert.rejects(fetch(`${server.url}/task`));
  finish();
  assert.match(await workingEnd, /"done":true/);
  await stopped;
});

test('a server that cannot wait any longer closes what is left', async () => {
  const begun = { stuck: false };
  const stuck = row({
    path: '/stuck',
    handler: () => {
      begun.stuck = true;
      return new Promise<object>(() => {});
    },
  });
  const server = await startHttp([stuck], undefined, { timeouts: { stopMs: 50 } });
  const socket = await openSocket(server.port);
  socket.write('GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n');
  const end = readToEnd(socket);
  await until(() => begun.stuck);
  await server[Symbol.asyncDispose]();
  assert.equal(await end, '');
});

test('an address that cannot be had is a typed error', async () => {
  const ignore = (): void => {};
  await using first = await listen({ host: '127.0.0.1', port: 0, listener: ignore });
  const again = listen({ host: '127.0.0.1', port: first.port, listener: ignore });
  await assert.rejects(again, (error) => {
    assert.ok(error instanceof ListenError);
    assert.deepEqual([error.reason, error.port], ['address-in-use', first.port]);
    assert.match(error.message, /another program already listens there/);
    return true;
  });
  const nowhere = listen({ host: '203.0.113.1', port: 0, listener: ignore });
  await assert.rejects(nowhere, (error) => error instanceof ListenError && error.reason === 'no-such-address');
});

/**
 * Owns the measurement behind the decision on HTTP dispatch: requests per second, and CPU time of the server per
 * request, of a bare node:http server, koa with 200 routes, and this server's two dispatchers.
 * Run it by hand: `node test/http/dispatch-benchmark.ts [seconds] [connections]`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import Koa from 'koa';
import { Router } from '@koa/router';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '#core/clock.ts';
import { endpoint, jsonObject, type Endpoint, type Principal } from '#http/endpoint.ts';
import { noServers, unlimited } from '#test/http/test-http.ts';
import { mount } from '#http/mount.ts';

const SENDS = '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}';
const others = Array.from({ length: 200 }, (_, index) => {
  const group = ['rooms', 'user', 'devices', 'keys', 'room_keys', 'account', 'directory', 'pushrules'][index % 8] ?? '';
  return `/_matrix/client/v3/${group}/{id}/operation${index}`;
});
const principal: Principal = {
  userId: '@a:example.org',
  userNid: 1,
  deviceId: 'D',
  deviceNid: 2,
  accountState: 'active',
  isGuest: false,
};
const reply = { event_id: '$0123456789012345678901234567890123456789012' };

function rows(hot: boolean): Endpoint<undefined>[] {
  return [
    ...others.map((path, index) =>
      endpoint({
        operation: `client.other${index}`,
        method: 'GET',
        path,
        auth: 'user',
        rateLimit: 'none',
        spec: 'benchmark',
        handler: () => ({}),
      }),
    ),
    endpoint({
      operation: 'client.sendMessage',
      method: 'PUT',
      path: SENDS,
      auth: 'user',
      rateLimit: 'send',
      body: jsonObject,
      spec: 'benchmark',
      ...(hot ? { hot: true } : {}),
      handler: async (_context, { params, body }) => (params.txnId === '' || body === undefined ? {} : reply),
    }),
  ];
}

function ours(hot: boolean): RequestListener {
  const seams = {
    authenticate: () => principal,
    servers: noServers,
    parseBody: (bytes: Buffer) => ({ ok: true, value: JSON.parse(bytes.toString()) }) as const,
    clock: systemClock,
    logger: pino({ level: 'info' }),
    bodyBytesMax: 1 << 20,
    bodyBytesInFlightMax: 1 << 27,
    rateLimits: unlimited,
    trustedProxies: [],
    metrics: new Registry(),
  };
  return mount(rows(hot), undefined, seams).listener;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks).toString();
}

const fewHeaders = ['Content-Type', 'application/json'];
const matrixHeaders = [
  ...fewHeaders,
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Allow-Methods',
  'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers',
  'X-Requested-With, Content-Type, Authorization',
  'X-Request-Id',
  '0123abcd-1234',
];

/** What any server of this API has to do at least: look at the token, read the body, write the headers of every answer. */
function bare(headers: readonly string[]): RequestListener {
  return (request, response) => {
    if (headers === matrixHeaders && request.headers.authorization === undefined) response.statusCode = 401;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString());
      const text = JSON.stringify(reply);
      response.writeHead(200, [...headers, 'Content-Length', String(text.length)]);
      response.end(text);
    });
  };
}

function koa(): RequestListener {
  const router = new Router({ sensitive: true });
  for (const path of others) router.get(path.replace('{id}', ':id'), (ctx) => (ctx.body = {}));
  router.put(SENDS.replaceAll(/\{(\w+)\}/g, ':$1'), async (ctx) => {
    JSON.parse(await bodyOf(ctx.req));
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.body = reply;
  });
  const app = new Koa();
  app.use(router.routes());
  const callback = app.callback();
  return (request, response) => void callback(request, response);
}

const variants: Record<string, () => RequestListener> = {
  'bare node:http': () => bare(fewHeaders),
  'bare, same duties': () => bare(matrixHeaders),
  'koa, 200 routes': koa,
  'ours, through koa': () => ours(false),
  'ours, hot': () => ours(true),
};

function serve(variant: string): void {
  const server = createServer(variants[variant]?.());
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) process.send?.(address.port);
  });
  process.on('message', () => process.send?.(process.cpuUsage()));
}

const content = JSON.stringify({ msgtype: 'm.text', body: 'A message of the usual length, for the benchmark.' });
const headers = {
  Authorization: 'Bearer 0123456789abcdef0123456789abcdef',
  'User-Agent': 'benchmark',
  'Content-Type': 'application/json',
  'Content-Length': content.length,
};
const path = '/_matrix/client/v3/rooms/!room%3Aexample.org/send/m.room.message/m1234';

/** Sends one request after the other on its connection, and counts the answers. */
async function load(agent: Agent, port: number, untilMs: number): Promise<number> {
  let answers = 0;
  while (performance.now() < untilMs) {
    await new Promise<void>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, method: 'PUT', path, headers, agent }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`The server answered ${response.statusCode}.`));
        response.resume().on('end', resolve);
      });
      sent.on('error', reject).end(content);
    });
    answers += 1;
  }
  return answers;
}

async function measure(variant: string, seconds: number, connections: number): Promise<[number, number]> {
  const child = fork(process.argv[1] ?? '', ['serve', variant]);
  const [port] = await once(child, 'message');
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const run = async (forSeconds: number): Promise<number> => {
    const until = performance.now() + forSeconds * 1000;
    const counts = await Promise.all(Array.from({ length: connections }, () => load(agent, Number(port), until)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const cpu = async (): Promise<number> => {
    child.send('cpu');
    const [usage] = await once(child, 'message');
    return usage.user + usage.system;
  };
  await run(1);
  const before = await cpu();
  const answers = await run(seconds);
  const used = (await cpu()) - before;
  agent.destroy();
  child.kill();
  return [answers / seconds, used / answers];
}

const [mode, argument] = process.argv.slice(2);
if (mode === 'serve') {
  serve(argument ?? '');
} else {
  const seconds = Number(mode ?? 2);
  const connections = Number(argument ?? 10);
  const best = new Map(Object.keys(variants).map((variant) => [variant, { perSecond: 0, microseconds: Infinity }]));
  // The best of several rounds, taken in turns: what else the machine does only ever makes a round worse.
  for (let round = 1; round <= 5; round++) {
    for (const [variant, record] of best) {
      const [perSecond, microseconds] = await measure(variant, seconds, connections);
      record.perSecond = Math.max(record.perSecond, perSecond);
      record.microseconds = Math.min(record.microseconds, microseconds);
    }
  }
  for (const [variant, { perSecond, microseconds }] of best) {
    const rate = `${perSecond.toFixed(0).padStart(7)} requests/s`;
    console.log(`${variant.padEnd(20)} ${rate} ${microseconds.toFixed(1).padStart(6)} µs of CPU each`);
  }
}

/** Proves that no request, however odd, is answered with a fault of the server: made from the rows' own schemas. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { after, before, describe, it } from 'node:test';
import { endpoints } from '#api/endpoints.ts';
import { parametersOf } from '#test/requests/fill-path.ts';
import { nearlyFitting } from '#test/requests/sample.ts';
import { isObject } from '#test/support/matrix-shapes.ts';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { chooseSeed } from '#test/support/seeded.ts';
import { trustingPeers } from '#test/support/peer-http.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';
import { startServerOnFreshDatabase, testServerName, type ServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const runsPerEndpoint = Number(process.env['CAUSEWAY_TEST_FUZZ_RUNS'] ?? 25);
const timeoutMs = 20_000;

/** They end the session that the others need; a long poll is shortened below. */
const endings = new Set([
  'client.logout',
  'client.logout_all',
  'client.deactivateAccount',
  'client.deleteDevice',
  'client.deleteDevices',
  'client.changePassword',
]);

describe('odd requests', () => {
  const resources = new AsyncDisposableStack();
  let server: ServerProcess;
  let peer: Peer;
  let user: MatrixHttp;
  let pool: readonly string[];
  const seed = chooseSeed();

  before(async () => {
    const directory = resources.use(makeTemporaryDirectory());
    server = resources.use(await startServerOnFreshDatabase(trustingPeers(directory.path)));
    peer = resources.use(await startPeer());
    user = await registerUser(server.baseUrl);
    const roomId = await user.createRoom({ preset: 'public_chat' });
    const eventId = await user.sendText(roomId, 'something to refer to');
    const other = await registerUser(server.baseUrl);
    pool = [
      ...[roomId, eventId, user.userId, other.userId, user.deviceId, 'm.room.message', 'm.room.member', 'm.read'],
      ...[
        'm.thread',
        'm.replace',
        'global',
        'override',
        'b',
        'f',
        'join',
        '1',
        '0',
        '-1',
        '',
        'true',
        'hs1.test',
        '#a:hs1.test',
      ],
    ];
  });
  after(() => resources.disposeAsync());
  /** What a request is let in by: the user's token, or the peer's signature over what is sent. */
  const authorise = (row: (typeof endpoints)[number], target: string, bodyText: string | undefined): string => {
    if (row.auth !== 'server') return `Bearer ${user.accessToken}`;
    // Half a surrogate pair, which JSON.stringify writes as an escape, has no text that could be signed.
    const content = bodyText === undefined || /\\ud[89a-f]/.test(bodyText) ? undefined : JSON.parse(bodyText);
    return peer.authorise(testServerName, row.method, target, content);
  };

  for (const row of endpoints) {
    it(`${row.operation} (seed ${seed})`, async () => {
      const parts = fc.record({
        path: fc.array(fc.oneof(fc.constantFrom(...pool), fc.string({ unit: 'binary', maxLength: 20 })), {
          minLength: parametersOf(row.path).length,
          maxLength: parametersOf(row.path).length,
        }),
        query: row.query === undefined ? fc.constant({}) : nearlyFitting(row.query, pool),
        body: row.body === undefined ? fc.constant(undefined) : nearlyFitting(row.body, pool),
        isLoggedIn: fc.constant(!endings.has(row.operation)),
      });
      await fc.assert(
        fc.asyncProperty(parts, async ({ path, query, body, isLoggedIn }) => {
          let index = 0;
          const filled = row.path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(wellFormed(path[index++] ?? '')));
          const search = new URLSearchParams(queryPairs(query));
          if (row.operation === 'client.sync' || row.operation === 'client.getEvents') search.set('timeout', '0');
          const url = new URL(`${server.baseUrl}${filled}?${search.toString()}`);
          const bodyText = body === undefined ? undefined : JSON.stringify(body);
          const authorization = authorise(row, url.pathname + url.search, bodyText);
          const response = await fetch(url, {
            method: row.method,
            ...(bodyText === undefined ? {} : { body: bodyText }),
            headers: isLoggedIn ? { Authorization: authorization } : {},
            redirect: 'manual',
            signal: AbortSignal.timeout(timeoutMs),
          });
          const text = await response.text();
          // 502: another server was to be asked, which is none or does not answer.
          assert.ok(response.status < 500 || response.status === 502, `${response.status} ${text}`);
          if (response.status >= 400) assertStandardError(text);
        }),
        { seed, numRuns: runsPerEndpoint, endOnFailure: true },
      );
    });
  }
});

function assertStandardError(text: string): void {
  const answer: unknown = JSON.parse(text);
  assert.ok(isObject(answer), text);
  // The first answer of an interactive authentication lists flows instead.
  if ('flows' in answer) return;
  assert.ok(typeof answer['errcode'] === 'string' && typeof answer['error'] === 'string', text);
}

function wellFormed(value: string): string {
  return value.toWellFormed();
}

function queryPairs(query: unknown): [string, string][] {
  if (!isObject(query)) return [];
  return Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [
      wellFormed(key),
      wellFormed(typeof value === 'string' ? value : (JSON.stringify(value) ?? '')),
    ]);
}

/** Proves which requests reach which endpoint, by both dispatchers, and what is said to all others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errcodeOf, exchange, row, startHttp } from '#test/http/test-http.ts';

const echo = (_context: unknown, { params, path }: { params: unknown; path: string }) => ({ params, path });
const SEND = '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}';
const STATE = '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}';

const rows = [
  row({ path: SEND, method: 'PUT', hot: true, handler: echo, aliases: [SEND.replace('v3', 'r0')] }),
  row({ path: STATE, method: 'GET', lastParamMayBeEmpty: true, handler: echo }),
  row({ path: '/_matrix/client/v3/rooms/{roomId}/join', method: 'POST', handler: echo }),
  row({ path: '/_matrix/client/v3/profile/{userId}/{keyName}', handler: echo }),
  row({ path: '/_matrix/client/v3/profile/{userId}/displayname', handler: () => ({ own: true }) }),
  row({ path: '/_matrix/client/v3/rooms/{roomId}/members', handler: echo }),
  row({ path: '/_matrix/client/v3/sync', hot: true, handler: echo }),
];

test('both dispatchers find the row and decode its parameters once', async () => {
  for (const hot of [true, false]) {
    const same = hot ? rows : rows.map(({ hot: _hot, ...rest }) => rest);
    await using server = await startHttp(same, undefined);
    const ask = async (method: string, path: string): Promise<unknown> => {
      const response = await server.fetch(path, { method });
      return response.status === 200 ? response.json() : [response.status, await errcodeOf(response)];
    };
    const sent = { params: { roomId: '!a/b%2F:é', eventType: 'm.x', txnId: 't+1' }, path: SEND };
    const tail = '/rooms/!a%2Fb%252F:%C3%A9/send/m.x/t+1';
    assert.deepEqual(await ask('PUT', `/_matrix/client/v3${tail}`), sent);
    assert.deepEqual(await ask('PUT', `/_matrix/client/r0${tail}?access_token=`), sent);
    assert.deepEqual(await ask('PUT', '/_matrix/client/v3/rooms/!a/send/%ZZ/1'), [400, 'M_INVALID_PARAM']);
    assert.deepEqual(await ask('PUT', '/_matrix/client/v3/rooms/!a/send/%C3%28/1'), [400, 'M_INVALID_PARAM']);
    assert.deepEqual(await ask('PUT', '/_matrix/client/v3/rooms/!a/send/a%00/1'), [400, 'M_INVALID_PARAM']);
    assert.deepEqual(await ask('GET', '/_matrix/client/v3/sync'), { params: {}, path: '/_matrix/client/v3/sync' });
  }
});

test('the empty state key comes with or without its slash, and a literal goes before a parameter', async () => {
  await using server = await startHttp(rows, undefined);
  const state = '/_matrix/client/v3/rooms/!a/state/m.room.name';
  for (const [path, stateKey] of [
    [state, ''],
    [`${state}/`, ''],
    [`${state}/%2F`, '/'],
  ]) {
    const response = await server.fetch(path ?? '');
    const params = { roomId: '!a', eventType: 'm.room.name', stateKey };
    assert.deepEqual(await response.json(), { params, path: STATE });
  }
  const own = await server.fetch('/_matrix/client/v3/profile/@a/displayname');
  assert.deepEqual(await own.json(), { own: true });
  const other = await server.fetch('/_matrix/client/v3/profile/@a/avatar_url');
  assert.equal(other.status, 200);
});

test('paths that look alike do not match', async () => {
  await using server = await startHttp(rows, undefined);
  for (const path of [
    '/',
    '/_matrix/client/v3/rooms/!a/join/',
    '/_matrix/client/v3/rooms//join',
    '//_matrix/client/v3/rooms/!a/join',
    '/_matrix//client/v3/rooms/!a/join',
    '/_matrix/client/v3/rooms/!a/join;x',
    '/_matrix/client/v3/rooms/!a/JOIN',
    '/_MATRIX/client/v3/rooms/!a/join',
    '/_matrix/client/v3/rooms/!a/%6Aoin',
    '/_matrix/client/v3/rooms/!a/send/m.x/',
    '/_matrix/client/v3/rooms/!a/state/',
    '/_matrix/client/v3/sync/',
    '/_matrix/client/v3/sync;x',
    '/_matrix/client/v3/rooms/!a/../!a/join',
    '/__proto__',
    '/_matrix/client/v3/constructor',
  ]) {
    const answer = await exchange(server.port, `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 404 Not Found\r\n/, path);
    assert.match(answer, /\r\nAccess-Control-Allow-Origin: \*\r\n/, path);
    assert.match(answer, /"errcode":"M_UNRECOGNIZED"/, path);
  }
});

test('a known path with another method is 405 and names the methods', async () => {
  await using server = await startHttp(rows, undefined);
  const join = await server.fetch('/_matrix/client/v3/rooms/!a/join');
  assert.equal(join.status, 405);
  assert.equal(join.headers.get('allow'), 'POST, OPTIONS');
  assert.equal(await errcodeOf(join), 'M_UNRECOGNIZED');
  const send = await server.fetch('/_matrix/client/v3/rooms/!a/send/m.x/1', { method: 'PATCH' });
  assert.equal(send.status, 405);
  assert.equal(send.headers.get('allow'), 'PUT, OPTIONS');
  const sync = await server.fetch('/_matrix/client/v3/sync', { method: 'DELETE' });
  assert.equal(sync.headers.get('allow'), 'HEAD, GET, OPTIONS');
});

test('HEAD answers like GET without a body', async () => {
  await using server = await startHttp(rows, undefined);
  const head = await server.fetch('/_matrix/client/v3/sync', { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const get = await server.fetch('/_matrix/client/v3/sync');
  assert.equal(head.headers.get('content-length'), String((await get.text()).length));
});

test('OPTIONS runs nothing and lets every page in, on any path', async () => {
  let runs = 0;
  const counted = row({ path: '/_matrix/client/v3/sync', auth: 'user', hot: true, handler: () => ({ runs: ++runs }) });
  await using server = await startHttp([counted], undefined);
  for (const path of ['/_matrix/client/v3/sync', '/nowhere', '*']) {
    const answer = await exchange(server.port, `OPTIONS ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 204 No Content\r\n/);
    assert.match(answer, /\r\nAccess-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS\r\n/);
    assert.match(answer, /\r\nAccess-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization\r\n/);
  }
  assert.equal(runs, 0);
});

test('rows that contradict one another are refused', async () => {
  const start = (...paths: Parameters<typeof row>[0][]) => startHttp(paths.map(row), undefined);
  const twice = { path: '/_matrix/client/v3/rooms/{roomId}' };
  await assert.rejects(start(twice, { path: '/_matrix/client/v3/rooms/{other}' }), TypeError);
  await assert.rejects(start(twice, { path: '/_matrix/client/v3/rooms/all', hot: true }), TypeError);
  await assert.rejects(start({ path: '/_matrix/client/v3/{anything}' }), TypeError);
  await assert.rejects(start({ path: '/_matrix/client/v3/rooms/{roomId' }), TypeError);
});

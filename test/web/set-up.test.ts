/** Proves who may set a server up and invite people to it, and under which policy the page is served. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { assertError, registerUser, request, type Answer } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { startServerProcess, type ServerProcess } from '#test/support/server-process.ts';
import { awaitOutput, awaitSetUpLink } from '#test/web/await-output.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

const path = '/_causeway/set-up';

type NewServer = AsyncDisposable & { server: ServerProcess; database: TestDatabase; token: string };

async function startNew(env: Readonly<Record<string, string>> = {}): Promise<NewServer> {
  await using starting = new AsyncDisposableStack();
  const database = starting.use(await createTestDatabase());
  const server = starting.use(await startServerProcess({ databaseUrl: database.url, env }));
  const token = new URL(await awaitSetUpLink(server)).hash.slice('#setup='.length);
  const started = starting.move();
  return { server, database, token, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

function setUp({ baseUrl }: ServerProcess, token: string, username: string): Promise<Answer> {
  return request(baseUrl, 'POST', path, { body: { token, username, password: 'a password of theirs' } });
}

test('of many who use the link at once, one becomes the administrator, and the link is used up', async () => {
  await using started = await startNew();
  const { server, token } = started;
  const names = ['anna', 'bert', 'carl', 'dora', 'emil'];
  const answers = await Promise.all(names.map((name) => setUp(server, token, name)));
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 403, 403, 403, 403],
  );
  assertError(await setUp(server, token, 'late'), 403, 'M_FORBIDDEN');
  const winner = answers.find(({ status }) => status === 200);
  const accessToken = text(winner?.body ?? {}, 'access_token');
  const who = await request(server.baseUrl, 'GET', '/_matrix/client/v3/account/whoami', { token: accessToken });
  assert.equal(who.body['user_id'], winner?.body['user_id']);
  const losers = names.filter((name) => !String(winner?.body['user_id']).startsWith(`@${name}:`));
  for (const name of losers) {
    const query = { username: name };
    const free = await request(server.baseUrl, 'GET', '/_matrix/client/v3/register/available', { query });
    assert.equal(free.status, 200, 'who was refused has no account');
  }
  const invitation = await request(server.baseUrl, 'POST', '/_causeway/invitations', { token: accessToken });
  assert.equal(invitation.status, 200, invitation.bodyText);
});

test('the link is the same at the next start, and there is none once there is an account', async () => {
  await using started = await startNew();
  const { server, database, token } = started;
  await server.stop();
  await using again = await startServerProcess({ databaseUrl: database.url });
  assert.ok((await awaitSetUpLink(again)).endsWith(`#setup=${token}`));
  await registerUser(again.baseUrl);
  assertError(await setUp(again, token, 'late'), 403, 'M_FORBIDDEN');
  await again.stop();
  await using third = await startServerProcess({ databaseUrl: database.url });
  await awaitOutput(third, /Ctrl-C stops/);
  assert.doesNotMatch(third.output(), /#setup=/);
});

test('a wrong token, and a token that is no token, set nothing up', async () => {
  await using started = await startNew();
  for (const wrong of ['', 'wrong', `${started.token}A`, started.token.slice(1), '\0', '%00']) {
    assertError(await setUp(started.server, wrong, 'mallory'), 403, 'M_FORBIDDEN');
  }
  assert.equal((await setUp(started.server, started.token, 'alice')).status, 200);
});

test('another name that points here, and a page of another site, cannot use the token', async () => {
  await using started = await startNew();
  const { port } = started.server;
  const body = JSON.stringify({ token: started.token, username: 'mallory', password: 'a password of theirs' });
  const ask = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end(body);
    });
  assert.equal(await ask({ Host: `rebound.example:${port}` }), 403);
  assert.equal(await ask({ Host: `127.0.0.1:${port}`, Origin: 'https://evil.example' }), 403);
  assert.equal(await ask({ Host: `127.0.0.1:${port}`, Origin: 'null' }), 403);
  assert.equal(await ask({ Host: `127.0.0.1:${port}`, Origin: `http://127.0.0.1:${port}` }), 200);
});

test('only an administrator invites people, and each invitation makes one account', async () => {
  await using started = await startNew({ CAUSEWAY_REGISTRATION_MODE: 'token' });
  const { server } = started;
  const alice = await setUp(server, started.token, 'alice');
  const invited = await request(server.baseUrl, 'POST', '/_causeway/invitations', {
    token: text(alice.body, 'access_token'),
  });
  const token = text(invited.body, 'token');
  const register = async (username: string): Promise<Answer> => {
    const body = { username, password: 'a password of theirs' };
    const first = await request(server.baseUrl, 'POST', '/_matrix/client/v3/register', { body });
    const auth = { type: 'm.login.registration_token', token, session: first.body['session'] };
    return request(server.baseUrl, 'POST', '/_matrix/client/v3/register', { body: { ...body, auth } });
  };
  const bob = await register('bob');
  assert.equal(bob.status, 200, bob.bodyText);
  const bobToken = text(bob.body, 'access_token');
  const who = await request(server.baseUrl, 'GET', '/_matrix/client/v3/account/whoami', { token: bobToken });
  assert.equal(who.body['user_id'], '@bob:hs1.test');
  assertError(
    await request(server.baseUrl, 'POST', '/_causeway/invitations', { token: text(bob.body, 'access_token') }),
    403,
    'M_FORBIDDEN',
  );
  assert.equal((await register('carol')).status, 401, 'the invitation is used up');
});

test('the page may load nothing from elsewhere, cannot be framed, and serves only its own files', async () => {
  await using started = await startNew();
  const about = await request(started.server.baseUrl, 'GET', '/_causeway/about');
  assert.deepEqual([about.body['server_name'], about.body['trial']], ['hs1.test', false]);
  const page = await fetch(`${started.server.baseUrl}/`);
  assert.equal(page.status, 200);
  const html = await page.text();
  assert.doesNotMatch(html, /https?:\/\//, 'nothing of the page comes from elsewhere');
  assert.doesNotMatch(html, /<script(?![^>]* src=)|\son\w+=|style=/, 'nothing in it needs a looser policy');
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
  for (const [, file] of html.matchAll(/(?:src|href)="(\/web\/[\w.-]+)"/g)) {
    assert.equal((await fetch(started.server.baseUrl + String(file))).status, 200, file);
  }
  for (const odd of ['/web/nothing.js', '/web/..%2fassets.ts', '/web/%2e%2e%2fassets.ts', '/web/tsconfig.json']) {
    assertError(await request(started.server.baseUrl, 'GET', odd), 404, 'M_NOT_FOUND');
  }
});

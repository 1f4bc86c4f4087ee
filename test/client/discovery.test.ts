/** Owns the tests of what a server says about itself. Specification: "Server Discovery", "API Versions", "Capabilities negotiation". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, request } from '#test/support/matrix-http.ts';
import { asArray, asObject, findState, text } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('discovery', () => {
  const publicUrl = 'https://matrix.hs1.test';
  const server = useSuiteServer({ CAUSEWAY_PUBLIC_URL: publicUrl });

  it('lists the versions of the specification to anybody', async () => {
    const answer = await request(server.baseUrl, 'GET', '/_matrix/client/versions');
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    const versions = asArray(answer.body['versions'], 'versions').map(String);
    assert.ok(versions.length > 0);
    for (const version of versions) assert.match(version, /^(v1\.\d+|r0\.\d+\.\d+)$/);
    const features = asObject(answer.body['unstable_features'] ?? {}, 'unstable_features');
    for (const [name, value] of Object.entries(features)) assert.equal(typeof value, 'boolean', name);
    const [alice] = await server.newUsers('alice');
    const known = await request(server.baseUrl, 'GET', '/_matrix/client/versions', { token: alice.accessToken });
    assert.deepEqual(known.body['versions'], versions);
  });

  it('can make a room of every version that it lists, and of version 12 by default', async () => {
    const [alice] = await server.newUsers('alice');
    const answer = await alice.raw('GET', '/capabilities');
    assert.equal(answer.status, 200, answer.bodyText);
    const capabilities = asObject(answer.body['capabilities'], 'capabilities');
    const rooms = asObject(capabilities['m.room_versions'], 'm.room_versions');
    assert.equal(text(rooms, 'default'), '12');
    const available = asObject(rooms['available'], 'available');
    for (const version of ['10', '11', '12']) assert.equal(available[version], 'stable');
    for (const version of Object.keys(available)) {
      const roomId = await alice.createRoom({ room_version: version });
      const created = findState(await alice.getFullState(roomId), 'm.room.create');
      assert.equal(created?.content['room_version'], version);
      const eventId = await alice.sendText(roomId, 'it works');
      assert.equal((await alice.getHistory(roomId)).at(-1)?.event_id, eventId);
    }
    const unlisted = await alice.raw('POST', '/createRoom', { body: { room_version: '999' } });
    assertError(unlisted, 400, 'M_UNSUPPORTED_ROOM_VERSION');
  });

  it('tells capabilities only to users', async () => {
    assertError(await request(server.baseUrl, 'GET', '/_matrix/client/v3/capabilities'), 401, 'M_MISSING_TOKEN');
  });

  it('names its public URL in the well-known file for clients', async () => {
    const answer = await request(server.baseUrl, 'GET', '/.well-known/matrix/client');
    assert.equal(answer.status, 200, answer.bodyText);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    const homeserver = asObject(answer.body['m.homeserver'], 'm.homeserver');
    assert.equal(text(homeserver, 'base_url').replace(/\/$/, ''), publicUrl);
  });

  it('names host and port in the well-known file for servers', async () => {
    const answer = await request(server.baseUrl, 'GET', '/.well-known/matrix/server');
    assert.equal(answer.status, 200, answer.bodyText);
    assert.equal(text(answer.body, 'm.server'), 'matrix.hs1.test:443');
  });

  it('gives a new account the default push rules, whole and by scope', async () => {
    const [alice] = await server.newUsers('alice');
    const whole = (await alice.raw('GET', '/pushrules/')).body;
    const global = asObject(whole['global'], 'global');
    assert.deepEqual(Object.keys(global).toSorted(), ['content', 'override', 'room', 'sender', 'underride']);
    assert.deepEqual((await alice.raw('GET', '/pushrules/global/')).body, global);
  });
});

/** Owns the tests of server notices. Specification: Client-Server API, "Server Notices". */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  assertError,
  encode,
  openSession,
  readSession,
  request,
  uniqueName,
  type Answer,
  type MatrixHttp,
} from '#test/support/matrix-http.ts';
import { asObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const secret = 'a shared secret';
const path = '/_synapse/admin/v1/send_server_notice';

describe('server notices', () => {
  const server = useSuiteServer({ CAUSEWAY_ADMIN_SHARED_SECRET: secret });

  async function newAdmin(): Promise<MatrixHttp> {
    const registerPath = '/_synapse/admin/v1/register';
    const nonce = text((await request(server.baseUrl, 'GET', registerPath)).body, 'nonce');
    const account = { username: uniqueName('admin'), password: 'a long password', admin: true };
    const words = [nonce, account.username, account.password, 'admin'].join('\0');
    const mac = createHmac('sha1', secret).update(words).digest('hex');
    const answer = await request(server.baseUrl, 'POST', registerPath, { body: { ...account, nonce, mac } });
    return openSession(server.baseUrl, readSession(answer.body));
  }

  const notice = (userId: string, body: string): JsonObject => ({
    user_id: userId,
    content: { msgtype: 'm.text', body },
  });
  const post = (user: MatrixHttp, body: JsonObject): Promise<Answer> =>
    request(server.baseUrl, 'POST', path, { token: user.accessToken, body });
  const onlyInvitation = async (user: MatrixHttp): Promise<string> => {
    const [roomId, ...others] = (await user.sync()).invite.keys();
    assert.ok(roomId !== undefined && others.length === 0);
    return roomId;
  };

  it('reach their user in a room of the server’s own, whose invitation cannot be rejected', async () => {
    const [admin, [alice]] = await Promise.all([newAdmin(), server.newUsers('alice')]);
    const sent = await post(admin, notice(alice.userId, 'The disk is full.'));
    assert.equal(sent.status, 200, sent.bodyText);
    const roomId = await onlyInvitation(alice);
    assertError(
      await alice.raw('POST', `/rooms/${encode(roomId)}/leave`, { body: {} }),
      403,
      'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
    );
    const own = `/rooms/${encode(roomId)}/state/m.room.member/${encode(alice.userId)}`;
    const byState = await alice.raw('PUT', own, { body: { membership: 'leave' } });
    assertError(byState, 403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM');
    await alice.join(roomId);
    const last = (await alice.getHistory(roomId)).find((event) => event.event_id === text(sent.body, 'event_id'));
    assert.deepEqual([last?.sender, last?.content['body']], ['@_server:hs1.test', 'The disk is full.']);
    const tags = await alice.raw('GET', `/user/${encode(alice.userId)}/rooms/${encode(roomId)}/tags`);
    assert.deepEqual(Object.keys(asObject(tags.body['tags'], 'tags')), ['m.server_notice']);
    const answer = { msgtype: 'm.text', body: 'Thank you.' };
    const spoken = await alice.raw('PUT', `/rooms/${encode(roomId)}/send/m.room.message/1`, { body: answer });
    assertError(spoken, 403, 'M_FORBIDDEN');
  });

  it('go to the same room always, to which who has left it is invited again', async () => {
    const [admin, [alice, bob]] = await Promise.all([newAdmin(), server.newUsers('alice', 'bob')]);
    await post(admin, notice(alice.userId, 'one'));
    const roomId = await onlyInvitation(alice);
    await alice.join(roomId);
    await alice.leave(roomId);
    await post(admin, notice(alice.userId, 'two'));
    assert.equal(await onlyInvitation(alice), roomId);
    await post(admin, notice(bob.userId, 'three'));
    assert.notEqual(await onlyInvitation(bob), roomId);
  });

  it('are sent once for a transaction', async () => {
    const [admin, [alice]] = await Promise.all([newAdmin(), server.newUsers('alice')]);
    const put = (body: string): Promise<Answer> =>
      request(server.baseUrl, 'PUT', `${path}/once`, { token: admin.accessToken, body: notice(alice.userId, body) });
    const first = await put('again');
    assert.deepEqual((await put('again')).body, first.body);
    const roomId = await onlyInvitation(alice);
    await alice.join(roomId);
    const bodies = (await alice.getHistory(roomId)).map(({ content }) => content['body']);
    assert.equal(bodies.filter((body) => body === 'again').length, 1);
  });

  it('are for administrators to send, and to users that there are', async () => {
    const [admin, [alice]] = await Promise.all([newAdmin(), server.newUsers('alice')]);
    assertError(await post(alice, notice(alice.userId, 'false alarm')), 403, 'M_FORBIDDEN');
    assertError(await post(alice, {}), 403, 'M_FORBIDDEN');
    assertError(await post(admin, { user_id: alice.userId }), 400, 'M_MISSING_PARAM');
    assertError(await post(admin, notice('@nobody:hs1.test', 'hello')), 404, 'M_NOT_FOUND');
    assertError(await post(admin, notice('@alice:elsewhere.test', 'hello')), 404, 'M_NOT_FOUND');
    assertError(await post(admin, { ...notice(alice.userId, ''), content: { msgtype: 'm.text' } }), 400, 'M_BAD_JSON');
  });

  it('come from a name that nobody can register', async () => {
    for (const username of ['_server', '_SERVER']) {
      const available = await request(server.baseUrl, 'GET', '/_matrix/client/v3/register/available', {
        query: { username },
      });
      assertError(available, 400, 'M_EXCLUSIVE');
      const body = { username, password: 'a long password', auth: { type: 'm.login.dummy' } };
      assertError(await request(server.baseUrl, 'POST', '/_matrix/client/v3/register', { body }), 400, 'M_EXCLUSIVE');
    }
  });
});

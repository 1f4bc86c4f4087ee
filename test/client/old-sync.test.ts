/** Owns the tests of what is older than /sync: GET /initialSync and GET /events. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp, type Query } from '#test/support/matrix-http.ts';
import { asArray, asObject, readEvent, readEvents, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('the views of before /sync', () => {
  const server = useSuiteServer();

  const initialSync = async (user: MatrixHttp, query: Query = {}): Promise<JsonObject> => {
    const answer = await user.raw('GET', '/initialSync', { query });
    assert.equal(answer.status, 200, answer.bodyText);
    return answer.body;
  };
  const events = async (user: MatrixHttp, query: Query = {}): Promise<{ end: string; chunk: JsonObject[] }> => {
    const { status, body, bodyText } = await user.raw('GET', '/events', { query });
    assert.equal(status, 200, bodyText);
    text(body, 'start');
    return { end: text(body, 'end'), chunk: asArray(body['chunk'], 'chunk').map((each) => asObject(each, 'event')) };
  };
  const roomIn = (body: JsonObject, roomId: string): JsonObject | undefined =>
    asArray(body['rooms'], 'rooms')
      .map((room) => asObject(room, 'a room'))
      .find((room) => room['room_id'] === roomId);

  it('tell joined rooms with state, newest messages, account data, and whether the directory lists them', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom({ name: 'Attic', visibility: 'public' });
    const sent: string[] = [];
    for (const body of ['one', 'two', 'three']) sent.push(await alice.sendText(roomId, body));
    const tags = `/user/${encode(alice.userId)}/rooms/${encode(roomId)}/tags/u.attic`;
    assert.equal((await alice.raw('PUT', tags, { body: {} })).status, 200);
    const data = `/user/${encode(alice.userId)}/account_data/org.example.mine`;
    assert.equal((await alice.raw('PUT', data, { body: { of: 'alice' } })).status, 200);

    const body = await initialSync(alice, { limit: 2 });
    const room = roomIn(body, roomId);
    assert.ok(room);
    assert.deepEqual([room['membership'], room['visibility']], ['join', 'public']);
    const messages = asObject(room['messages'], 'messages');
    const told = readEvents(messages['chunk'], 'chunk');
    assert.deepEqual(
      told.map(({ event_id: id, room_id: of }) => [id, of]),
      sent.slice(1).map((id) => [id, roomId]),
    );
    assert.deepEqual(
      readEvents(room['state'], 'state')
        .map(({ event_id: id }) => id)
        .toSorted(),
      (await alice.getFullState(roomId)).map(({ event_id: id }) => id).toSorted(),
    );
    assert.deepEqual(room['account_data'], [{ type: 'm.tag', content: { tags: { 'u.attic': {} } } }]);
    const own = asArray(body['account_data'], 'account_data');
    assert.ok(own.some((each) => asObject(each, 'account data')['type'] === 'org.example.mine'));
    asArray(body['presence'], 'presence');

    const before = await alice.getMessages(roomId, { dir: 'b', from: text(messages, 'start'), limit: 1 });
    assert.equal(before.chunk[0]?.event_id, sent[0], 'the page before begins at "start"');
    const none = asObject(roomIn(await initialSync(alice, { limit: 0 }), roomId)?.['messages'], 'messages');
    assert.deepEqual(none['chunk'], []);
    const newest = await alice.getMessages(roomId, { dir: 'b', from: text(none, 'start'), limit: 1 });
    assert.equal(newest.chunk[0]?.event_id, sent[2], 'without messages "start" lies behind the newest');
    const later = await alice.sendText(roomId, 'four');
    const after = await alice.getMessages(roomId, { dir: 'f', from: text(messages, 'end'), limit: 5 });
    assert.deepEqual(
      after.chunk.map(({ event_id: id }) => id),
      [later],
      'and the page after at "end"',
    );
  });

  it('tell invitations with their event, and rooms that were left only to those who ask', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [invitedTo, leftRoom] = [await alice.createRoom(), await alice.createRoom({ preset: 'public_chat' })];
    await alice.invite(invitedTo, bob.userId);
    await bob.join(leftRoom);
    await bob.leave(leftRoom);
    await alice.sendText(leftRoom, 'behind his back');

    const usual = await initialSync(bob);
    assert.equal(roomIn(usual, leftRoom), undefined);
    const invitation = roomIn(usual, invitedTo);
    assert.equal(invitation?.['membership'], 'invite');
    const { sender, state_key: who, content } = readEvent(invitation?.['invite']);
    assert.deepEqual([sender, who, content['membership']], [alice.userId, bob.userId, 'invite']);

    const whole = await initialSync(bob, { archived: true });
    const left = roomIn(whole, leftRoom);
    assert.equal(left?.['membership'], 'leave');
    assert.ok(!JSON.stringify(left).includes('behind his back'));
  });

  it('wait for what is new in any room, and go on where they ended', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const since = text(await initialSync(bob), 'end');
    const waiting = events(bob, { from: since, timeout: 20_000 });
    await alice.invite(roomId, bob.userId);
    const invited = await waiting;
    const member = invited.chunk.find((event) => event['type'] === 'm.room.member');
    assert.deepEqual([member?.['room_id'], member?.['state_key']], [roomId, bob.userId]);

    await bob.join(roomId);
    const joined = await events(bob, { from: invited.end });
    const said = await alice.sendText(roomId, 'welcome');
    const typing = `/rooms/${encode(roomId)}/typing/${encode(alice.userId)}`;
    assert.equal((await alice.raw('PUT', typing, { body: { typing: true, timeout: 30_000 } })).status, 200);
    const { chunk, end } = await events(bob, { from: joined.end, timeout: 20_000 });
    const inRoom = chunk.filter((event) => event['room_id'] === roomId);
    assert.ok(inRoom.some((event) => event['event_id'] === said));
    assert.ok(inRoom.some((event) => event['type'] === 'm.typing'));
    const rest = await events(bob, { from: end });
    assert.ok(!rest.chunk.some((event) => event['event_id'] === said), 'nothing is told twice');
    assertError(await bob.raw('GET', '/events', { query: { from: 'no token' } }), 400, 'M_INVALID_PARAM');
  });

  it('begin with what comes next without a token', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    await alice.sendText(roomId, 'before');
    const { chunk, end } = await events(alice);
    assert.deepEqual(chunk, []);
    const eventId = await alice.sendText(roomId, 'after');
    const next = await events(alice, { from: end, timeout: 20_000 });
    assert.deepEqual(
      next.chunk.filter((event) => event['room_id'] === roomId).map((event) => event['event_id']),
      [eventId],
    );
  });
});

/** Owns the tests of unread counts. Specification: Client-Server API, "Receiving notifications". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type JsonObject, type SyncedRoom } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

type Counts = readonly [notifications: unknown, highlights: unknown];
const none: Counts = [0, 0];
const countsIn = (value: unknown): Counts => {
  const counts = asObject(value, 'counts');
  return [counts['notification_count'], counts['highlight_count']];
};
const countsOf = (room: SyncedRoom | undefined): Counts => countsIn(room?.raw['unread_notifications']);
const threadsOf = (room: SyncedRoom | undefined): Record<string, Counts> =>
  Object.fromEntries(
    Object.entries(asObject(room?.raw['unread_thread_notifications'] ?? {}, 'threads')).map(([id, each]) => [
      id,
      countsIn(each),
    ]),
  );
const mention = (userId: string): JsonObject => ({
  msgtype: 'm.text',
  body: 'hey',
  'm.mentions': { user_ids: [userId] },
});
const inThread = (rootId: string, content: JsonObject = { msgtype: 'm.text', body: 'x' }): JsonObject => ({
  ...content,
  'm.relates_to': { rel_type: 'm.thread', event_id: rootId },
});
const threaded = { room: { timeline: { unread_thread_notifications: true } } };

async function read(user: MatrixHttp, roomId: string, eventId: string, type = 'm.read', threadId?: string) {
  const body = threadId === undefined ? {} : { thread_id: threadId };
  const answer = await user.raw('POST', `/rooms/${encode(roomId)}/receipt/${type}/${encode(eventId)}`, { body });
  assert.equal(answer.status, 200, answer.bodyText);
}

describe('unread counts', () => {
  const server = useSuiteServer();

  const together = async (): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await alice.sendText(roomId, 'before Bob came');
    await bob.join(roomId);
    return [roomId, alice, bob];
  };
  /** The counts as an initial sync has them, which must be those of an incremental one. */
  const afresh = async (user: MatrixHttp, roomId: string): Promise<Counts> =>
    countsOf((await user.sync()).join.get(roomId));

  it('begin at the join, and come with the event that changes them', async () => {
    const [roomId, alice, bob] = await together();
    const first = await bob.sync();
    assert.deepEqual(countsOf(first.join.get(roomId)), none);
    await alice.sendText(roomId, 'one');
    const second = await bob.sync({ since: first.nextBatch });
    assert.equal(second.join.get(roomId)?.timeline.length, 1);
    assert.deepEqual(countsOf(second.join.get(roomId)), [1, 0]);
    await alice.send(roomId, 'm.room.message', mention(bob.userId));
    await alice.send(roomId, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: '$x', key: 'y' } });
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.notice', body: 'not worth a count' });
    await alice.setState(roomId, 'm.room.topic', { topic: 'nor this' });
    const third = await bob.sync({ since: second.nextBatch });
    assert.deepEqual(countsOf(third.join.get(roomId)), [2, 1]);
    assert.deepEqual(await afresh(bob, roomId), [2, 1]);
    assert.deepEqual(await afresh(alice, roomId), none, 'what one sent oneself is read');
  });

  for (const type of ['m.read', 'm.read.private']) {
    it(`fall with a receipt of type ${type}, by which the room is in the next sync`, async () => {
      const [roomId, alice, bob] = await together();
      await alice.sendText(roomId, 'one');
      const second = await alice.send(roomId, 'm.room.message', mention(bob.userId));
      await alice.sendText(roomId, 'three');
      const { nextBatch } = await bob.sync();
      await read(bob, roomId, second, type);
      const filter = { room: { ephemeral: { not_types: ['*'] } } };
      const room = (await bob.sync({ since: nextBatch, filter })).join.get(roomId);
      assert.deepEqual(countsOf(room), [1, 0]);
      assert.deepEqual(await afresh(bob, roomId), [1, 0]);
    });
  }

  it('fall when the user writes', async () => {
    const [roomId, alice, bob] = await together();
    await alice.sendText(roomId, 'one');
    const { nextBatch } = await bob.sync();
    await bob.sendText(roomId, 'an answer');
    assert.deepEqual(countsOf((await bob.sync({ since: nextBatch })).join.get(roomId)), none);
    assert.deepEqual(await afresh(bob, roomId), none);
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Bobby' }, bob.userId);
    await alice.sendText(roomId, 'two');
    assert.deepEqual(await afresh(bob, roomId), [1, 0]);
  });

  it('are told by thread to those who ask, and together to others', async () => {
    const [roomId, alice, bob] = await together();
    const rootId = await alice.sendText(roomId, 'root');
    await alice.send(roomId, 'm.room.message', inThread(rootId));
    const { nextBatch } = await bob.sync({ filter: threaded });
    await alice.send(roomId, 'm.room.message', inThread(rootId, mention(bob.userId)));
    for (const since of [undefined, nextBatch]) {
      const room = (await bob.sync({ since, filter: threaded })).join.get(roomId);
      assert.deepEqual([countsOf(room), threadsOf(room)], [[1, 0], { [rootId]: [2, 1] }]);
    }
    assert.deepEqual(await afresh(bob, roomId), [3, 1]);
    const last = await alice.send(roomId, 'm.room.message', inThread(rootId));
    await read(bob, roomId, last, 'm.read', rootId);
    const after = (await bob.sync({ filter: threaded })).join.get(roomId);
    assert.deepEqual([countsOf(after), threadsOf(after)], [[1, 0], {}]);
    await read(bob, roomId, rootId, 'm.read', 'main');
    assert.deepEqual(await afresh(bob, roomId), none);
    await alice.send(roomId, 'm.room.message', inThread(rootId));
    await bob.send(roomId, 'm.room.message', inThread(rootId));
    assert.deepEqual(await afresh(bob, roomId), none, 'who writes in a thread has read it');
  });

  it('take what relates to an event in a thread for part of the thread', async () => {
    const [roomId, alice, bob] = await together();
    const rootId = await alice.sendText(roomId, 'root');
    const inside = await alice.send(roomId, 'm.room.message', inThread(rootId));
    const { nextBatch } = await bob.sync({ filter: threaded });
    const relatesTo = { 'm.relates_to': { rel_type: 'm.reference', event_id: inside } };
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'vote', ...relatesTo });
    await alice.send(roomId, 'm.room.message', { ...mention(bob.userId), ...relatesTo });
    const told = async (since?: string): Promise<unknown> => {
      const room = (await bob.sync({ since, filter: threaded })).join.get(roomId);
      return [countsOf(room), threadsOf(room)];
    };
    for (const since of [nextBatch, undefined]) assert.deepEqual(await told(since), [[1, 0], { [rootId]: [3, 1] }]);
    const rule = { actions: ['notify'], pattern: 'tea' };
    await bob.raw('PUT', '/pushrules/global/content/tea', { body: rule });
    assert.deepEqual(await told(), [[1, 0], { [rootId]: [3, 1] }], 'by rules of the user, too');
    const like = { rel_type: 'm.annotation', event_id: inside, key: '+' };
    await bob.send(roomId, 'm.reaction', { 'm.relates_to': like });
    assert.deepEqual(await told(), [[1, 0], {}], 'who reacts in a thread has read the thread, and nothing else');
  });

  it('highlight everybody for a mention of the room by somebody who may', async () => {
    const [roomId, alice, bob] = await together();
    const content = { msgtype: 'm.text', body: '@room', 'm.mentions': { room: true } };
    await alice.send(roomId, 'm.room.message', content);
    assert.deepEqual(await afresh(bob, roomId), [1, 1]);
    await bob.send(roomId, 'm.room.message', content);
    assert.deepEqual(await afresh(alice, roomId), [1, 0], 'Bob has not the power');
  });

  it('do not count the tombstone of the user who upgraded the room, with or without an earlier sync', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const since = (await alice.sync()).nextBatch;
    await alice.setState(roomId, 'm.room.tombstone', { body: 'moved', replacement_room: '!elsewhere:hs1.test' });
    await alice.setState(roomId, 'm.room.topic', { topic: 'moved' });
    assert.deepEqual(countsOf((await alice.sync({ since })).join.get(roomId)), none);
    // A receipt has the counts read anew, and not moved on.
    await read(alice, roomId, await bob.sendText(roomId, 'oh'));
    await alice.setState(roomId, 'm.room.tombstone', { body: 'again', replacement_room: '!elsewhere:hs1.test' });
    assert.deepEqual(countsOf((await alice.sync()).join.get(roomId)), none);
    assert.deepEqual(countsOf((await bob.sync()).join.get(roomId)), [1, 1]);
  });

  it('do not count what was redacted as a highlight', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.send(roomId, 'm.room.message', mention(bob.userId));
    assert.deepEqual(await afresh(bob, roomId), [1, 1]);
    await alice.redact(roomId, eventId);
    assert.equal((await afresh(bob, roomId))[1], 0);
  });

  it('obey rules of the user: a muted room, a keyword, a muted and an ignored sender', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    await carol.join(roomId);
    const put = (kind: string, id: string, body: JsonObject) =>
      bob.raw('PUT', `/pushrules/global/${kind}/${encode(id)}`, { body });
    await put('content', 'tea', { actions: ['notify', { set_tweak: 'highlight' }], pattern: 'tea' });
    await put('sender', carol.userId, { actions: [] });
    const { nextBatch } = await bob.sync();
    await alice.sendText(roomId, 'Tea?');
    await carol.sendText(roomId, 'spam');
    assert.deepEqual(countsOf((await bob.sync({ since: nextBatch })).join.get(roomId)), [1, 1]);
    assert.deepEqual(await afresh(bob, roomId), [1, 1]);
    await put('room', roomId, { actions: [] });
    await alice.sendText(roomId, 'muted');
    await alice.send(roomId, 'm.room.message', mention(bob.userId));
    assert.deepEqual(await afresh(bob, roomId), [2, 2], 'a mention comes through, and so does the keyword');
    const ignored = { ignored_users: { [alice.userId]: {} } };
    const path = `/user/${encode(bob.userId)}/account_data/m.ignored_user_list`;
    assert.equal((await bob.raw('PUT', path, { body: ignored })).status, 200);
    assert.deepEqual(await afresh(bob, roomId), none);
  });

  it('stand behind a list of notifications, in pages, with what is read', async () => {
    const [roomId, alice, bob] = await together();
    const list = async (query: Record<string, string | number> = {}) => {
      const answer = await bob.raw('GET', '/notifications', { query });
      assert.equal(answer.status, 200, answer.bodyText);
      const all = asArray(answer.body['notifications'], 'notifications').map((each) => asObject(each, 'notification'));
      const ids = all.map((each) => asObject(each['event'], 'event')['event_id']);
      return { ids, read: all.map((each) => each['read']), all, next: answer.body['next_token'] };
    };
    const [one, two] = [
      await alice.sendText(roomId, 'one'),
      await alice.send(roomId, 'm.room.message', mention(bob.userId)),
    ];
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.notice', body: 'no' });
    const three = await alice.sendText(roomId, 'three');
    await read(bob, roomId, two);
    const whole = await list();
    assert.deepEqual(
      [whole.ids, whole.read],
      [
        [three, two, one],
        [false, true, true],
      ],
    );
    assert.equal(whole.all[0]?.['room_id'], roomId);
    assert.deepEqual(whole.all[0]['actions'], ['notify', { set_tweak: 'sound', value: 'default' }]);
    assert.deepEqual((await list({ only: 'highlight' })).ids, [two]);
    const first = await list({ limit: 2 });
    assert.deepEqual(first.ids, [three, two]);
    const rest = await list({ limit: 2, from: String(first.next) });
    assert.deepEqual([rest.ids, rest.next], [[one], undefined]);
  });
});

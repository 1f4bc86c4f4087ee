/** Owns the tests of receipts and read markers. Specification: "Receipts", "Fully read markers". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, optionalText, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { contentsOfRoom, sectionOf } from '#test/support/sync-sections.ts';

function pathOf(roomId: string, type: string, eventId: string): string {
  return `/rooms/${encode(roomId)}/receipt/${type}/${encode(eventId)}`;
}

async function read(user: MatrixHttp, roomId: string, eventId: string, body = {}, type = 'm.read'): Promise<void> {
  const answer = await user.raw('POST', pathOf(roomId, type, eventId), { body });
  assert.equal(answer.status, 200, answer.bodyText);
}

/** Each receipt as event, type, user and thread. */
function receiptsIn(answer: SyncAnswer, roomId: string): string[] {
  const sections = sectionOf(answer.join.get(roomId)?.raw, 'ephemeral').filter(({ type }) => type === 'm.receipt');
  return sections
    .flatMap(({ content }) => Object.entries(content))
    .flatMap(([eventId, types]) =>
      Object.entries(asObject(types, eventId)).flatMap(([type, users]) =>
        Object.entries(asObject(users, type)).map(([userId, receipt]) => {
          const content = asObject(receipt, userId);
          assert.ok(Number.isSafeInteger(content['ts']));
          return [eventId, type, userId, optionalText(content, 'thread_id') ?? 'unthreaded'].join(' ');
        }),
      ),
    );
}

describe('receipts', () => {
  const server = useSuiteServer();

  const together = async (): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };

  it('are told to the room, wake it, and move only forwards', async () => {
    const [roomId, alice, bob] = await together();
    const events = [await alice.sendText(roomId, '1'), await alice.sendText(roomId, '2')] as const;
    const { nextBatch, join: before } = await alice.sync();
    assert.deepEqual(before.get(roomId)?.raw['ephemeral'], { events: [] });
    const waiting = alice.sync({ since: nextBatch, timeout: 20_000 });
    await read(bob, roomId, events[1]);
    const first = await waiting;
    const latest = [`${events[1]} m.read ${bob.userId} unthreaded`];
    assert.deepEqual(receiptsIn(first, roomId), latest);
    assert.deepEqual(first.join.get(roomId)?.timeline, []);
    await read(bob, roomId, events[0]);
    assert.deepEqual(receiptsIn(await alice.sync({ since: first.nextBatch }), roomId), []);
    assert.deepEqual(receiptsIn(await alice.sync(), roomId), latest);
    const filter = { room: { ephemeral: { not_types: ['m.receipt'] } } };
    assert.deepEqual(receiptsIn(await alice.sync({ filter }), roomId), []);
  });

  it('that are private are told to nobody else', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'secret?');
    const [toAlice, toBob] = [await alice.sync(), await bob.sync()];
    await read(bob, roomId, eventId, {}, 'm.read.private');
    const own = [`${eventId} m.read.private ${bob.userId} unthreaded`];
    assert.deepEqual(receiptsIn(await bob.sync({ since: toBob.nextBatch }), roomId), own);
    assert.deepEqual(receiptsIn(await bob.sync(), roomId), own);
    assert.deepEqual(receiptsIn(await alice.sync({ since: toAlice.nextBatch }), roomId), []);
    assert.deepEqual(receiptsIn(await alice.sync(), roomId), []);
  });

  it('stand beside each other for each thread', async () => {
    const [roomId, alice, bob] = await together();
    const root = await alice.sendText(roomId, 'root');
    const relation = { rel_type: 'm.thread', event_id: root };
    const answer = await alice.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body: 'answer',
      'm.relates_to': relation,
    });
    const reaction = await alice.send(roomId, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: answer, key: '+' },
    });
    const { nextBatch } = await alice.sync();
    await read(bob, roomId, root, { thread_id: 'main' });
    await read(bob, roomId, reaction, { thread_id: root });
    await read(bob, roomId, answer);
    const expected = [`${root} main`, `${reaction} ${root}`, `${answer} unthreaded`].map((each) => {
      const [eventId, thread] = each.split(' ');
      return `${eventId} m.read ${bob.userId} ${thread}`;
    });
    assert.deepEqual(receiptsIn(await alice.sync({ since: nextBatch }), roomId).toSorted(), expected.toSorted());
    for (const [eventId, thread] of [
      [root, answer],
      [answer, 'main'],
      [root, ''],
    ] as const) {
      const refused = await bob.raw('POST', pathOf(roomId, 'm.read', eventId), { body: { thread_id: thread } });
      assertError(refused, 400, 'M_INVALID_PARAM');
    }
  });

  it('of several threads on one event are all told', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'root');
    const { nextBatch } = await alice.sync();
    for (const body of [{ thread_id: 'main' }, { thread_id: eventId }, {}]) await read(bob, roomId, eventId, body);
    const expected = ['unthreaded', 'main', eventId].map((thread) => `${eventId} m.read ${bob.userId} ${thread}`);
    for (const since of [nextBatch, undefined]) {
      assert.deepEqual(receiptsIn(await alice.sync({ since }), roomId).toSorted(), expected.toSorted());
    }
  });

  it('of a thread are not told where one without a thread is on the same event', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'root');
    await read(bob, roomId, eventId);
    const { nextBatch } = await alice.sync();
    await read(bob, roomId, eventId, { thread_id: 'main' });
    assert.deepEqual(receiptsIn(await alice.sync({ since: nextBatch }), roomId), []);
    assert.deepEqual(receiptsIn(await alice.sync(), roomId), [`${eventId} m.read ${bob.userId} unthreaded`]);
    const later = await alice.sendText(roomId, 'later');
    await read(bob, roomId, later, { thread_id: 'main' });
    assert.deepEqual(receiptsIn(await alice.sync({ since: nextBatch }), roomId), [
      `${later} m.read ${bob.userId} main`,
    ]);
  });

  it('of what is fully read are account data, and markers are set together', async () => {
    const [roomId, alice, bob] = await together();
    const events = [await alice.sendText(roomId, '1'), await alice.sendText(roomId, '2')] as const;
    const { nextBatch } = await bob.sync();
    const path = `/rooms/${encode(roomId)}/read_markers`;
    const body = { 'm.fully_read': events[1], 'm.read': events[1], 'm.read.private': events[0] };
    assert.equal((await bob.raw('POST', path, { body })).status, 200);
    await read(bob, roomId, events[0], {}, 'm.fully_read');
    const told = await bob.sync({ since: nextBatch });
    assert.deepEqual(contentsOfRoom(told, roomId, 'account_data')['m.fully_read'], { event_id: events[1] });
    assert.equal(receiptsIn(told, roomId).length, 2);
    assert.deepEqual(receiptsIn(await alice.sync(), roomId), [`${events[1]} m.read ${bob.userId} unthreaded`]);
    const last = await alice.sendText(roomId, '3');
    await read(bob, roomId, last, {}, 'm.fully_read');
    const stored = `/user/${encode(bob.userId)}/rooms/${encode(roomId)}/account_data/m.fully_read`;
    assert.deepEqual((await bob.raw('GET', stored)).body, { event_id: last });
  });

  it('are refused outside the room, for unknown events and types', async () => {
    const [roomId, alice] = await together();
    const [mallory] = await server.newUsers('mallory');
    const eventId = await alice.sendText(roomId, 'hello');
    assertError(await mallory.raw('POST', pathOf(roomId, 'm.read', eventId), { body: {} }), 403, 'M_FORBIDDEN');
    assertError(await alice.raw('POST', pathOf(roomId, 'm.seen', eventId), { body: {} }), 400, 'M_INVALID_PARAM');
    assertError(await alice.raw('POST', pathOf(roomId, 'm.read', '$nothing'), { body: {} }), 404, 'M_NOT_FOUND');
    const thread = { body: { thread_id: 'main' } };
    assertError(await alice.raw('POST', pathOf(roomId, 'm.fully_read', eventId), thread), 400, 'M_INVALID_PARAM');
    assertError(await alice.raw('POST', pathOf(roomId, 'm.read', eventId), { body: { thread_id: 7 } }), 400);
  });
});

/** Owns the tests of GET /messages and of who may see what. Specification: "Getting events for a room", "Room History Visibility". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, pageToEnd, type MatrixHttp } from '#test/support/matrix-http.ts';
import { readMessages, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

function bodies(events: readonly ClientEvent[]): unknown[] {
  return events.filter((event) => event.type === 'm.room.message').map((event) => event.content['body']);
}

function ids(events: readonly ClientEvent[]): string[] {
  return events.map((event) => event.event_id);
}

describe('messages', () => {
  const server = useSuiteServer();

  const talkAlone = async (count: number): Promise<[MatrixHttp, string]> => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    for (let i = 0; i < count; i += 1) await alice.sendText(roomId, String(i));
    return [alice, roomId];
  };

  it('starts at the last event backwards and at the first forwards when no token is given', async () => {
    const [alice, roomId] = await talkAlone(5);
    const back = await alice.getMessages(roomId, { dir: 'b', limit: 3 });
    assert.deepEqual(bodies(back.chunk), ['4', '3', '2']);
    const undirected = await alice.raw('GET', `/rooms/${encode(roomId)}/messages`, { query: { limit: 100 } });
    assert.deepEqual(bodies(readMessages(undirected.body).chunk), ['0', '1', '2', '3', '4']);
    const forth = await alice.getMessages(roomId, { dir: 'f', limit: 1 });
    assert.deepEqual(
      forth.chunk.map((event) => event.type),
      ['m.room.create'],
    );
    for (const event of [...back.chunk, ...forth.chunk]) assert.equal(event.room_id, roomId);
  });

  it('pages to the start and back to the end by its end tokens, for any limit', async () => {
    const [alice, roomId] = await talkAlone(12);
    const whole = ids(await alice.getHistory(roomId, { limit: 1_000 }));
    for (const limit of [1, 5, whole.length, 100]) {
      assert.deepEqual(ids(await alice.getHistory(roomId, { dir: 'f', limit })), whole, `forwards by ${limit}`);
      assert.deepEqual(ids(await alice.getHistory(roomId, { dir: 'b', limit })), whole, `backwards by ${limit}`);
    }
  });

  it('has no end at the start of the room', async () => {
    const [alice, roomId] = await talkAlone(1);
    const page = await alice.getMessages(roomId, { dir: 'b', limit: 1_000 });
    assert.equal(page.chunk.at(-1)?.type, 'm.room.create');
    assert.equal(page.end, undefined);
  });

  it('returns ten events unless asked, and never more than asked', async () => {
    const [alice, roomId] = await talkAlone(15);
    assert.equal((await alice.getMessages(roomId, { dir: 'b' })).chunk.length, 10);
    assert.equal((await alice.getMessages(roomId, { dir: 'b', limit: 4 })).chunk.length, 4);
    for (const limit of ['-1', 'many', '1.5']) {
      const answer = await alice.raw('GET', `/rooms/${encode(roomId)}/messages`, { query: { dir: 'b', limit } });
      assertError(answer, 400, 'M_INVALID_PARAM');
    }
  });

  it('starts where a sync ended, and says so', async () => {
    const [alice, roomId] = await talkAlone(3);
    const { nextBatch } = await alice.sync();
    for (let i = 3; i < 6; i += 1) await alice.sendText(roomId, String(i));
    const back = await alice.getMessages(roomId, { dir: 'b', from: nextBatch, limit: 3 });
    assert.deepEqual(bodies(back.chunk), ['2', '1', '0']);
    assert.equal(back.start, nextBatch);
    const forth = await alice.getMessages(roomId, { dir: 'f', from: nextBatch });
    assert.deepEqual(bodies(forth.chunk), ['3', '4', '5']);
    assert.equal(forth.start, nextBatch);
  });

  it('stops at the token `to`, in both directions', async () => {
    const [alice, roomId] = await talkAlone(2);
    const older = (await alice.sync()).nextBatch;
    for (let i = 2; i < 8; i += 1) await alice.sendText(roomId, String(i));
    const newer = (await alice.sync()).nextBatch;
    await alice.sendText(roomId, '8');
    const between = ['2', '3', '4', '5', '6', '7'];
    for (const limit of [2, 100]) {
      const forth = await pageToEnd((from) => alice.getMessages(roomId, { dir: 'f', from, to: newer, limit }), {
        first: older,
        to: newer,
      });
      assert.deepEqual(bodies(forth), between);
      assert.equal(forth.length, between.length);
      const back = await pageToEnd((from) => alice.getMessages(roomId, { dir: 'b', from, to: older, limit }), {
        first: newer,
        to: older,
      });
      assert.deepEqual(bodies(back), between.toReversed());
      assert.equal(back.length, between.length);
    }
  });

  it('closes the gap of a limited sync without loss or repetition', async () => {
    const [alice, roomId] = await talkAlone(1);
    const since = (await alice.sync()).nextBatch;
    for (let i = 1; i < 21; i += 1) await alice.sendText(roomId, String(i));
    const room = (await alice.sync({ since, filter: { room: { timeline: { limit: 4 } } } })).join.get(roomId);
    assert.ok(room?.limited && room.prevBatch !== undefined);
    assert.deepEqual(bodies(room.timeline), ['17', '18', '19', '20']);
    const { prevBatch } = room;
    const gap = await pageToEnd((from) => alice.getMessages(roomId, { dir: 'b', from, to: since, limit: 7 }), {
      first: prevBatch,
      to: since,
    });
    assert.deepEqual(
      bodies(gap.toReversed()),
      Array.from({ length: 16 }, (_, i) => String(i + 1)),
    );
  });

  it('finds what came after its last page with the same token', async () => {
    const [alice, roomId] = await talkAlone(1);
    const from = (await alice.sync()).nextBatch;
    const empty = await alice.getMessages(roomId, { dir: 'f', from });
    assert.deepEqual(empty.chunk, []);
    await alice.sendText(roomId, 'later');
    assert.deepEqual(bodies((await alice.getMessages(roomId, { dir: 'f', from })).chunk), ['later']);
  });

  it('refuses tokens that it never gave, and directions that there are not', async () => {
    const [alice, roomId] = await talkAlone(1);
    const path = `/rooms/${encode(roomId)}/messages`;
    for (const query of [
      { dir: 'b', from: 'nonsense' },
      { dir: 'b', from: 'x'.repeat(10_000) },
      { dir: 'f', to: 'v1.0.-1' },
      { dir: 'sideways' },
    ]) {
      const answer = await alice.raw('GET', path, { query });
      assertError(answer, 400, 'M_INVALID_PARAM', 'M_MISSING_PARAM', 'M_UNKNOWN');
    }
    assertError(await alice.raw('GET', path, { query: { dir: 'b', filter: '{' } }), 400);
  });

  it('shows newcomers what was said before, if the history is shared', async () => {
    const [alice, roomId] = await talkAlone(2);
    const [bob] = await server.newUsers('bob');
    assertError(await bob.raw('GET', `/rooms/${encode(roomId)}/messages`, { query: { dir: 'b' } }), 403, 'M_FORBIDDEN');
    await bob.join(roomId);
    assert.deepEqual(ids(await bob.getHistory(roomId)), ids(await alice.getHistory(roomId)));
  });

  it('hides from newcomers what was said before, if the history is for the joined', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } };
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: [visibility] });
    await alice.sendText(roomId, 'before');
    await bob.join(roomId);
    await alice.sendText(roomId, 'after');
    assert.deepEqual(bodies(await bob.getHistory(roomId, { dir: 'b' })), ['after']);
    assert.deepEqual(bodies(await bob.getHistory(roomId, { dir: 'f' })), ['after']);
    assert.deepEqual(bodies(await alice.getHistory(roomId)), ['before', 'after']);
    const timeline = (await bob.sync()).join.get(roomId)?.timeline ?? [];
    assert.deepEqual(bodies(timeline), ['after']);
  });

  it('shows the invited what was said since, if the history is for the invited', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'invited' } };
    const roomId = await alice.createRoom({ initial_state: [visibility] });
    await alice.sendText(roomId, 'before the invitation');
    await alice.invite(roomId, bob.userId);
    await alice.sendText(roomId, 'while invited');
    await bob.join(roomId);
    await alice.sendText(roomId, 'after joining');
    assert.deepEqual(bodies(await bob.getHistory(roomId)), ['while invited', 'after joining']);
  });

  it('shows those who left what they saw, and nothing since', async () => {
    const [alice, roomId] = await talkAlone(1);
    const [bob] = await server.newUsers('bob');
    await bob.join(roomId);
    await alice.sendText(roomId, 'together');
    await bob.leave(roomId);
    await alice.sendText(roomId, 'alone again');
    assert.deepEqual(bodies(await bob.getHistory(roomId, { dir: 'b' })), ['0', 'together']);
    assert.deepEqual(bodies(await bob.getHistory(roomId, { dir: 'f' })), ['0', 'together']);
    await bob.join(roomId);
    assert.deepEqual(bodies(await bob.getHistory(roomId)), ['0', 'together', 'alone again']);
  });

  it('does not take a token of one room to read another', async () => {
    const [alice, roomId] = await talkAlone(3);
    const other = await alice.createRoom();
    await alice.sendText(other, 'elsewhere');
    const page = await alice.getMessages(roomId, { dir: 'b', limit: 2 });
    assert.ok(page.end !== undefined);
    const answer = await alice.raw('GET', `/rooms/${encode(other)}/messages`, { query: { dir: 'b', from: page.end } });
    assertError(answer, 400, 'M_INVALID_PARAM', 'M_UNKNOWN');
  });
});

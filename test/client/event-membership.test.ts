/** Owns the tests of `unsigned.membership`. Specification: Client-Server API, "Room event format". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '#test/support/matrix-http.ts';
import { asArray, asObject, readEvent, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('unsigned.membership', () => {
  const server = useSuiteServer();

  /** What the reader is told of each message and of each of their own memberships. */
  function told(events: readonly ClientEvent[], userId: string): unknown[] {
    return events
      .filter(
        ({ type, state_key: stateKey }) =>
          type === 'm.room.message' || (type === 'm.room.member' && stateKey === userId),
      )
      .map(({ content, unsigned }) => [content['body'] ?? content['membership'], unsigned['membership']]);
  }

  it('is what the reader was at each event, their own changes included', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await alice.sendText(roomId, 'strangers');
    await alice.invite(roomId, bob.userId);
    await alice.sendText(roomId, 'invited');
    await bob.join(roomId);
    const joinedId = await alice.sendText(roomId, 'joined');
    const expected = [
      ['strangers', 'leave'],
      ['invite', 'invite'],
      ['invited', 'invite'],
      ['join', 'join'],
      ['joined', 'join'],
    ];
    const first = await bob.sync();
    assert.deepEqual(told(first.join.get(roomId)?.timeline ?? [], bob.userId), expected);
    assert.deepEqual(told(await bob.getHistory(roomId), bob.userId), expected);
    const around = await bob.raw('GET', `/rooms/${encode(roomId)}/context/${encode(joinedId)}`);
    const before = asArray(around.body['events_before'], 'events_before').map(readEvent).toReversed();
    const event = readEvent(asObject(around.body['event'], 'event'));
    assert.deepEqual(told([...before, event], bob.userId), expected);

    await alice.sendText(roomId, 'news');
    const second = await bob.sync({ since: first.nextBatch });
    assert.deepEqual(told(second.join.get(roomId)?.timeline ?? [], bob.userId), [['news', 'join']]);
    await bob.leave(roomId);
    const third = await bob.sync({ since: second.nextBatch });
    assert.deepEqual(told(third.leave.get(roomId)?.timeline ?? [], bob.userId), [['leave', 'leave']]);
    assert.deepEqual(told((await bob.getHistory(roomId)).slice(-2), bob.userId), [
      ['news', 'join'],
      ['leave', 'leave'],
    ]);
  });
});

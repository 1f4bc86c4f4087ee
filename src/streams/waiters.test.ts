/** Owns the tests of waiting for news. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { makeFact } from '#streams/event-fact-fixture.ts';
import type { StreamPositions } from '#streams/sync-token.ts';
import { Waiters } from '#streams/waiters.ts';

const bob = '@bob:example.org';

function waitersAt(pos: number): Waiters {
  const waiters = new Waiters(systemClock);
  waiters.startAt(0, pos);
  return waiters;
}

function at(pos: number): StreamPositions {
  return [pos, 0, 0, 0, 0];
}

describe('waiters', () => {
  const never = new AbortController().signal;
  const terms = { roomNids: [1, 2], userId: bob, userNid: 1, timeoutMs: 60_000, signal: never };

  it('are woken by their rooms and their own membership, and told up to where nothing concerned them', async () => {
    using waiters = waitersAt(10);
    const inRoom = waiters.wait(terms);
    const elsewhere = waiters.wait({ ...terms, roomNids: [9], userId: '@carol:example.org', userNid: 2 });
    waiters.wakeForEvents([makeFact(11, 3)]);
    assert.equal(waiters.count, 2);
    waiters.wakeForEvents([makeFact(12, 3), makeFact(13, 2)]);
    assert.deepEqual(await inRoom, at(11));
    assert.equal(waiters.count, 1);
    const own = waiters.wait(terms);
    waiters.wakeForEvents([makeFact(14, 5, { type: 'm.room.member', stateKey: bob, membership: 'invite' })]);
    assert.deepEqual(await own, at(13));
    waiters.wakeForEvents([makeFact(15, 9)]);
    assert.deepEqual(await elsewhere, at(14));
    assert.equal(waiters.count, 0);
  });

  it('are woken by changes that concern them, in any stream', async () => {
    using waiters = waitersAt(10);
    const change = { userNid: 7, roomNid: 0, deviceNid: 0, audience: [] };
    const waiting = waiters.wait(terms);
    waiters.wakeForChanges(1, [{ ...change, pos: 3, kind: 'accountData' }], 3);
    waiters.wakeForChanges(4, [{ ...change, pos: 5, kind: 'typing', roomNid: 9 }], 5);
    waiters.wakeForChanges(3, [{ ...change, pos: 8, kind: 'deviceLists', audience: [9] }], 8);
    assert.equal(waiters.count, 1);
    waiters.wakeForChanges(2, [{ ...change, pos: 6, kind: 'toDevice', userNid: 1, deviceNid: 4 }], 6);
    assert.deepEqual(await waiting, [10, 3, 0, 8, 5]);
    const inRoom = waiters.wait(terms);
    waiters.wakeForChanges(4, [{ ...change, pos: 6, kind: 'typing', roomNid: 2 }], 6);
    assert.deepEqual(await inRoom, [10, 3, 6, 8, 5]);
    const inAudience = waiters.wait(terms);
    waiters.wakeForChanges(3, [{ ...change, pos: 9, kind: 'deviceLists', audience: [9, 1] }], 9);
    assert.deepEqual(await inAudience, [10, 3, 6, 8, 6]);
    const everybody = waiters.wait(terms);
    waiters.wakeAll(1, 900);
    assert.deepEqual(await everybody, [10, 3, 6, 9, 6]);
  });

  it('go on at their deadline, not before', async () => {
    using waiters = waitersAt(10);
    const start = systemClock.monotonicMs();
    const waiting = [40, 80, 10].map((timeoutMs) => waiters.wait({ ...terms, timeoutMs }));
    waiters.wakeForEvents([makeFact(11, 3)]);
    const keepAlive = setTimeout(() => assert.fail('nobody went on'), 10_000);
    assert.deepEqual(await Promise.all(waiting), [at(11), at(11), at(11)]);
    clearTimeout(keepAlive);
    assert.ok(systemClock.monotonicMs() - start >= 80);
    assert.deepEqual(await waiters.wait({ ...terms, timeoutMs: 0 }), at(11));
  });

  it('go on when their client leaves, and when the server stops', async () => {
    const waiters = waitersAt(10);
    const client = new AbortController();
    const gone = waiters.wait({ ...terms, signal: client.signal });
    const stays = waiters.wait(terms);
    client.abort();
    await gone;
    assert.equal(waiters.count, 1);
    await waiters.wait({ ...terms, signal: client.signal });
    waiters[Symbol.dispose]();
    await stays;
    assert.equal(waiters.count, 0);
  });

  it('go on all of them when there are many, without one turn of the event loop for all', async () => {
    using waiters = waitersAt(10);
    let woken = 0;
    const all = Array.from({ length: 500 }, async () => {
      await waiters.wait(terms);
      woken += 1;
    });
    waiters.wakeForEvents([makeFact(11, 1)]);
    await Promise.resolve();
    assert.ok(woken < 500);
    await Promise.all(all);
    assert.equal(woken, 500);
  });
});

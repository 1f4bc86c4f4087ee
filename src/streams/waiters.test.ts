/** Owns the tests of waiting for news. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { makeFact } from '#streams/event-fact-fixture.ts';
import { Waiters } from '#streams/waiters.ts';

const bob = '@bob:example.org';

describe('waiters', () => {
  const never = new AbortController().signal;
  const terms = { roomNids: [1, 2], userId: bob, timeoutMs: 60_000, signal: never };

  it('are woken by their rooms and their own membership, and told up to where nothing concerned them', async () => {
    using waiters = new Waiters(systemClock, 10);
    const inRoom = waiters.wait(terms);
    const elsewhere = waiters.wait({ ...terms, roomNids: [9], userId: '@carol:example.org' });
    waiters.wake([makeFact(11, 3)]);
    assert.equal(waiters.count, 2);
    waiters.wake([makeFact(12, 3), makeFact(13, 2)]);
    assert.equal(await inRoom, 11);
    assert.equal(waiters.count, 1);
    const own = waiters.wait(terms);
    waiters.wake([makeFact(14, 5, { type: 'm.room.member', stateKey: bob, membership: 'invite' })]);
    assert.equal(await own, 13);
    waiters.wake([makeFact(15, 9)]);
    assert.equal(await elsewhere, 14);
    assert.equal(waiters.count, 0);
  });

  it('go on at their deadline, not before', async () => {
    using waiters = new Waiters(systemClock, 10);
    const start = systemClock.monotonicMs();
    const waiting = [40, 80, 10].map((timeoutMs) => waiters.wait({ ...terms, timeoutMs }));
    waiters.wake([makeFact(11, 3)]);
    const keepAlive = setTimeout(() => assert.fail('nobody went on'), 10_000);
    assert.deepEqual(await Promise.all(waiting), [11, 11, 11]);
    clearTimeout(keepAlive);
    assert.ok(systemClock.monotonicMs() - start >= 80);
    assert.equal(await waiters.wait({ ...terms, timeoutMs: 0 }), 11);
  });

  it('go on when their client leaves, and when the server stops', async () => {
    const waiters = new Waiters(systemClock, 10);
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
    using waiters = new Waiters(systemClock, 10);
    let woken = 0;
    const all = Array.from({ length: 500 }, async () => {
      await waiters.wait(terms);
      woken += 1;
    });
    waiters.wake([makeFact(11, 1)]);
    await Promise.resolve();
    assert.ok(woken < 500);
    await Promise.all(all);
    assert.equal(woken, 500);
  });
});

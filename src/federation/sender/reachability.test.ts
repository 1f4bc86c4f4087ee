/** Proves when a server that is not reached is tried again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { Reachability } from '#federation/sender/reachability.ts';

const hourMs = 3_600_000;

/** A clock that stands still until it is moved. */
function stoppedClock() {
  let nowMs = 1_000_000;
  return {
    clock: { ...systemClock, now: () => nowMs, monotonicMs: () => nowMs },
    pass: (ms: number) => void (nowMs += ms),
  };
}

test('a server that fails waits longer each time, at first half a minute at most, and is well at once when it answers', () => {
  const { clock, pass } = stoppedClock();
  const own = new Reachability(clock, hourMs, undefined);
  assert.ok(own.mayTry);
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const { retryAt } = own.failed();
    waits.push(retryAt - clock.now());
    assert.equal(own.mayTry, false);
    pass(retryAt - clock.now() + 1);
    assert.ok(own.mayTry);
  }
  assert.ok((waits[0] ?? 0) >= 1_000 && (waits[0] ?? 0) <= 1_500);
  assert.ok(waits.slice(1).every((wait, index) => wait >= Math.min(30_000, waits[index] ?? 0)));
  assert.ok(waits.every((wait) => wait <= 30_000));
  own.failed();
  own.reached();
  assert.equal(own.failures, 0);
  assert.ok(own.mayTry);
});

test('after a long outage, restarts included, it is tried again within a tenth of the outage and within the limit', () => {
  const { clock, pass } = stoppedClock();
  const own = new Reachability(clock, hourMs, clock.now() - 2 * hourMs);
  assert.ok(own.mayTry);
  let longest = 0;
  for (let i = 0; i < 40; i++) {
    const { failingSince, retryAt } = own.failed();
    const waitMs = retryAt - clock.now();
    longest = Math.max(longest, waitMs);
    assert.ok(waitMs <= Math.max(30_000, (clock.now() - failingSince) / 10) + 1);
    pass(waitMs + 1);
  }
  assert.ok(longest > 12 * 60_000 && longest <= hourMs);
});

test('a server that is heard of is tried again, but not without a pause', () => {
  const { clock, pass } = stoppedClock();
  const own = new Reachability(clock, hourMs, undefined);
  own.attempted();
  for (let i = 0; i < 5; i++) own.failed();
  own.heard();
  assert.equal(own.mayTry, false);
  pass(500);
  assert.ok(own.mayTry);
});

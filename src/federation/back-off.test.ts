import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackOff } from '#federation/back-off.ts';

test('a back-off grows with each attempt that fails, up to its limit, and ends when the server is reached', () => {
  let nowMs = 0;
  const backOff = createBackOff({ clock: { now: () => nowMs, monotonicMs: () => nowMs }, retryMsMax: 3_600_000 });
  const waits: number[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    backOff.failed('away.test');
    const wait = backOff.waitMs('away.test');
    // Others that fail at the same time change nothing.
    backOff.failed('away.test');
    assert.equal(backOff.waitMs('away.test'), wait);
    waits.push(wait);
    nowMs += wait;
    assert.equal(backOff.waitMs('away.test'), 0);
  }
  assert.ok(
    waits.every((wait, index) => wait === 60_000 || (wait >= 1_000 * 2 ** index && wait <= 1_500 * 2 ** index)),
  );
  assert.equal(waits.at(-1), 60_000);
  backOff.failed('away.test');
  assert.equal(backOff.waitMs('else.test'), 0);
  backOff.reached('away.test');
  assert.equal(backOff.waitMs('away.test'), 0);
});

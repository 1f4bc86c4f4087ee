/** Owns the tests of waiting between attempts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from '#core/backoff.ts';

test('every wait is finite and within its bounds, whatever the number of failures', () => {
  const bounds = fc.record({ leastMs: fc.integer({ min: 1, max: 1_000 }), more: fc.nat(100_000) });
  fc.assert(
    fc.property(fc.oneof(fc.nat(60), fc.nat()), bounds, (failures, { leastMs, more }) => {
      const waitMs = backoffMs(failures, { leastMs, mostMs: leastMs + more });
      assert.ok(waitMs >= leastMs && waitMs <= leastMs + more, String(waitMs));
    }),
  );
});

test('waits grow, and those who fail together come back apart', () => {
  const bounds = { leastMs: 10, mostMs: 10_000 };
  const waits = [1, 2, 3, 4].map((failures) => backoffMs(failures, bounds));
  for (const [index, waitMs] of waits.entries()) {
    assert.ok(waitMs >= 10 * 2 ** index && waitMs <= 15 * 2 ** index, `${waitMs} after ${index + 1} failures`);
  }
  assert.ok(new Set(Array.from({ length: 50 }, () => backoffMs(5, bounds))).size > 40);
});

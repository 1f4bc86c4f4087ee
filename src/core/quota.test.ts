/** Owns the tests of quotas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Quota, QuotaShare } from '#core/quota.ts';

test('what does not fit is refused and counted, and takes nothing', () => {
  const quota = new Quota('things', 3);
  assert.ok(quota.take(2));
  assert.ok(!quota.take(2));
  assert.ok(quota.take(1));
  assert.ok(!quota.take());
  assert.deepEqual([quota.used, quota.refusedCount], [3, 2]);
  quota.give(3);
  assert.ok(quota.take(3));
});

test('a holder gives back what it has, once', () => {
  const quota = new Quota('bytes', 10);
  assert.ok(quota.take(1));
  {
    using share = new QuotaShare(quota);
    assert.ok(share.take(4) && share.take(5));
    assert.ok(!share.take(1));
    assert.equal(quota.used, 10);
    share[Symbol.dispose]();
    assert.equal(quota.used, 1);
  }
  assert.equal(quota.used, 1);
});

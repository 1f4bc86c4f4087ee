import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRateLimiter, type RateLimits } from '#http/rate-limit.ts';

const limit = { perSecond: 2, burst: 4 };
const limits: RateLimits = {
  enabled: true,
  classes: {
    default: limit,
    login: limit,
    register: limit,
    send: limit,
    join: limit,
    create_room: limit,
    sync: { perSecond: 1000, burst: 1 },
    federation: limit,
  },
  serverRequestsMax: 3,
};

function limiterAt(given: RateLimits, bucketsMax?: number) {
  const time = { ms: 0 };
  const clock = { now: () => time.ms, monotonicMs: () => time.ms };
  return { check: createRateLimiter(given, clock, bucketsMax), time };
}

test('a bucket allows its burst, then its rate', () => {
  const { check, time } = limiterAt(limits);
  for (let count = 0; count < 4; count++) assert.equal(check('send', 'a'), 0);
  assert.equal(check('send', 'a'), 500);
  time.ms = 200;
  assert.equal(check('send', 'a'), 300);
  time.ms = 500;
  assert.equal(check('send', 'a'), 0);
  assert.equal(check('send', 'a'), 500);
  time.ms = 1_000_000;
  for (let count = 0; count < 4; count++) assert.equal(check('send', 'a'), 0);
  assert.ok(check('send', 'a') > 0);
});

test('whoever waits as long as told may go on', () => {
  const { check, time } = limiterAt(limits);
  for (let count = 0; count < 1000; count++) {
    const waitMs = check('send', 'a');
    time.ms += waitMs;
    if (waitMs > 0) assert.equal(check('send', 'a'), 0);
    time.ms += 0.1;
  }
});

test('callers and classes do not share, and none and a switched-off limiter never refuse', () => {
  const { check } = limiterAt(limits);
  for (let count = 0; count < 4; count++) check('send', 'a');
  assert.ok(check('send', 'a') > 0);
  assert.equal(check('send', 'b'), 0);
  assert.equal(check('join', 'a'), 0);
  const off = limiterAt({ ...limits, enabled: false }).check;
  for (let count = 0; count < 100; count++) {
    assert.equal(check('none', 'a'), 0);
    assert.equal(off('send', 'a'), 0);
  }
});

test('the caller who has been quiet longest is forgotten first', () => {
  const { check } = limiterAt(limits, 2);
  for (let count = 0; count < 5; count++) check('send', 'a');
  for (let count = 0; count < 5; count++) check('send', 'b');
  assert.ok(check('send', 'a') > 0);
  assert.equal(check('send', 'c'), 0);
  assert.ok(check('send', 'a') > 0, 'a was heard of after b');
  assert.equal(check('send', 'b'), 0, 'b was forgotten');
});

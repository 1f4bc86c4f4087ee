import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { createServerLimits } from '#http/server-limits.ts';
import { MatrixError } from '#matrix/error.ts';

function limitsAt(enabled: boolean) {
  const time = { ms: 0 };
  let refusedCount = 0;
  const limits = createServerLimits({
    rateLimits: { enabled, classes: { federation: { perSecond: 2, burst: 4 } }, serverRequestsMax: 2 },
    clock: { now: () => time.ms, monotonicMs: () => time.ms },
    countLimited: () => void (refusedCount += 1),
  });
  return { limits, time, refusedCount: () => refusedCount };
}

/** A response of which nothing is used but that it is over some time. */
function openResponse(): ServerResponse & { readonly end: () => void } {
  const emitter = new EventEmitter();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.assign(emitter, { destroyed: false, end: () => emitter.emit('close') }) as never;
}

const refusal = (run: () => void): unknown => {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof MatrixError);
    return [error.status, error.errcode, error.fields['retry_after_ms']];
  }
};

test('a server may ask its burst at once, then its rate, and is told when to come back', () => {
  const { limits, time, refusedCount } = limitsAt(true);
  const ask = (origin: string): unknown =>
    refusal(() => {
      const response = openResponse();
      limits.enter(origin, response);
      response.end();
    });
  for (let count = 0; count < 4; count++) assert.equal(ask('one.test'), undefined);
  assert.deepEqual(ask('one.test'), [429, 'M_LIMIT_EXCEEDED', 500]);
  assert.deepEqual(
    refusal(() => limits.requireTimely('one.test')),
    [429, 'M_LIMIT_EXCEEDED', 500],
  );
  assert.equal(refusedCount(), 2);
  assert.equal(ask('other.test'), undefined);
  time.ms = 500;
  // To ask whether it may ask takes nothing.
  for (let count = 0; count < 3; count++) limits.requireTimely('one.test');
  assert.equal(ask('one.test'), undefined);
  assert.deepEqual(ask('one.test'), [429, 'M_LIMIT_EXCEEDED', 500]);
});

test('a server has so many requests under way, until their answers are over', () => {
  const { limits } = limitsAt(true);
  const first = openResponse();
  limits.enter('one.test', first);
  limits.enter('one.test', openResponse());
  assert.deepEqual(
    refusal(() => limits.enter('one.test', openResponse())),
    [429, 'M_LIMIT_EXCEEDED', 1_000],
  );
  limits.enter('other.test', openResponse());
  first.end();
  limits.enter('one.test', openResponse());
});

test('servers are not limited where nobody is', () => {
  const { limits } = limitsAt(false);
  for (let count = 0; count < 100; count++) {
    limits.requireTimely('one.test');
    limits.enter('one.test', openResponse());
  }
});

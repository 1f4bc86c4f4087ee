/** Proves what of an error reaches the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError } from '#core/logger.ts';

test('an error is logged with its plain values and its causes, without what libraries hang on it', () => {
  const cause = Object.assign(new TypeError('too deep'), { code: 'E1', client: { secretKey: 1 } });
  const described = describeError(Object.assign(new Error('failed', { cause }), { status: 500, client: {} }));
  assert.ok(typeof described === 'object' && described !== null && 'cause' in described);
  assert.deepEqual(Object.keys(described).toSorted(), ['cause', 'message', 'stack', 'status', 'type']);
  assert.ok(typeof described.cause === 'object' && described.cause !== null);
  assert.deepEqual(Object.keys(described.cause).toSorted(), ['code', 'message', 'stack', 'type']);
});

test('causes that never end are cut off, and what is no error stays as it is', () => {
  const round = new Error('round');
  round.cause = round;
  assert.equal(JSON.stringify(describeError(round)).split('"message"').length - 1, 5);
  assert.equal(describeError('words'), 'words');
});

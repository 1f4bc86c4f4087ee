/** Proves that one Ctrl-C that arrives several times is one request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopRequests } from '#cli/stop-requests.ts';

test('the same request again is ignored, a later one is the second', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  using requests = stopRequests();
  let hasSecond = false;
  const second = requests.second.then(() => (hasSecond = true));
  process.emit('SIGINT');
  process.emit('SIGTERM');
  await requests.first;
  t.mock.timers.tick(499);
  process.emit('SIGINT');
  await Promise.resolve();
  assert.equal(hasSecond, false);
  t.mock.timers.tick(1);
  process.emit('SIGINT');
  await second;
  assert.equal(hasSecond, true);
});

test('signals are left alone afterwards', () => {
  const before = process.listenerCount('SIGINT');
  {
    using requests = stopRequests();
    assert.ok(requests);
    assert.equal(process.listenerCount('SIGINT'), before + 1);
  }
  assert.equal(process.listenerCount('SIGINT'), before);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedTurns } from '#core/keyed-turns.ts';

test('turns of one key come one after the other, a failed one too, and other keys do not wait', async () => {
  const turns = new KeyedTurns();
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take('a', async () => {
    await gate.promise;
    done.push('first');
    throw new Error('no');
  });
  const second = turns.take('a', () => Promise.resolve(done.push('second')));
  await turns.take('b', () => Promise.resolve(done.push('other')));
  assert.deepEqual(done, ['other']);
  gate.resolve();
  await assert.rejects(first, /no/);
  assert.equal(await second, 3);
  assert.deepEqual(done, ['other', 'first', 'second']);
});

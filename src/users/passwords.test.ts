import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPassword, createTurns, hashPassword, requireAcceptablePassword } from '#users/passwords.ts';

test('a password fits its own hash and no other', async () => {
  const hash = await hashPassword('correct horse');
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,p=1,t=2\$/);
  assert.notEqual(await hashPassword('correct horse'), hash, 'each hash has its own salt');
  assert.equal(await checkPassword(hash, 'correct horse'), true);
  assert.equal(await checkPassword(hash, 'correct horsf'), false);
  assert.equal(await checkPassword(undefined, 'correct horse'), false);
  assert.equal(await checkPassword(hash, 'x'.repeat(513)), false);
});

const rules = { config: { passwords: { lengthMin: 8 } } };

test('passwords that are too short or too long are refused', () => {
  assert.throws(() => requireAcceptablePassword(rules, '1234567'), { errcode: 'M_WEAK_PASSWORD', status: 400 });
  assert.throws(() => requireAcceptablePassword(rules, 'é'.repeat(257)), { errcode: 'M_INVALID_PARAM', status: 400 });
  requireAcceptablePassword(rules, '12345678');
  requireAcceptablePassword(rules, 'é'.repeat(256));
});

test('turns run a few tasks at once, the next ones in their order, and refuse what is too much', async () => {
  const takeTurn = createTurns(2, 3);
  const finish: (() => void)[] = [];
  const started: number[] = [];
  const task = (number: number) => () => {
    started.push(number);
    return new Promise<void>((resolve) => finish.push(resolve));
  };
  const tasks = [1, 2, 3, 4, 5].map((number) => takeTurn(task(number)));
  assert.deepEqual(started, [1, 2]);
  await assert.rejects(takeTurn(task(6)), { errcode: 'M_LIMIT_EXCEEDED', status: 503 });
  for (let i = 0; i < 5; i++) {
    finish[i]?.();
    await tasks[i];
  }
  assert.deepEqual(started, [1, 2, 3, 4, 5]);
  await assert.rejects(
    takeTurn(() => Promise.reject(new Error('broken'))),
    /broken/,
  );
  assert.equal(await takeTurn(() => Promise.resolve('free again')), 'free again');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildUiaChallenge, isCompleteUia, selectNextStages, type UiaFlow } from '#users/uia/stages.ts';

const flows: UiaFlow[] = [['m.login.registration_token', 'm.login.dummy'], ['m.login.dummy']];

test('a flow is complete when all of its stages are, in their order', () => {
  assert.equal(isCompleteUia(flows, []), false);
  assert.equal(isCompleteUia(flows, ['m.login.dummy']), true);
  assert.equal(isCompleteUia(flows, ['m.login.registration_token']), false);
  assert.equal(isCompleteUia(flows, ['m.login.registration_token', 'm.login.dummy']), true);
  assert.equal(isCompleteUia(flows, ['m.login.dummy', 'm.login.registration_token']), false);
  assert.equal(isCompleteUia([], []), false, 'without a flow nobody gets through');
});

test('only the next stage of a flow that was begun may be attempted', () => {
  assert.deepEqual([...selectNextStages(flows, [])], ['m.login.registration_token', 'm.login.dummy']);
  assert.deepEqual([...selectNextStages(flows, ['m.login.registration_token'])], ['m.login.dummy']);
  assert.deepEqual([...selectNextStages(flows, ['m.login.dummy'])], []);
});

test('a challenge names an error only when a stage failed', () => {
  const first = buildUiaChallenge('abc', flows, []);
  assert.deepEqual(Object.keys(first).toSorted(), ['completed', 'flows', 'params', 'session']);
  assert.deepEqual(first['flows'], [
    { stages: ['m.login.registration_token', 'm.login.dummy'] },
    { stages: ['m.login.dummy'] },
  ]);
  const failed = buildUiaChallenge('abc', flows, [], { errcode: 'M_FORBIDDEN', error: 'No.' });
  assert.equal(failed['errcode'], 'M_FORBIDDEN');
  assert.equal(failed['session'], 'abc');
});

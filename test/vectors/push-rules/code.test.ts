/** Runs every push rule vector against the code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';
import { evaluatePushRules, type PushVerdict } from '#matrix/push-rules/evaluate.ts';
import {
  readHostileGlobs,
  readPredefinedRules,
  readPushCases,
  type PushCase,
} from '#test/vectors/push-rules/cases.ts';

function verdictOn({ rules, event, context }: Pick<PushCase, 'rules' | 'event' | 'context'>): PushVerdict {
  const { type, sender, state_key: stateKey, room_id: roomId, content } = event;
  return evaluatePushRules(rules, { type, sender, stateKey, roomId, content }, context);
}

for (const vector of readPushCases()) {
  void test(vector.name, () => {
    const { rule, notify, highlight, actions } = verdictOn(vector);
    const outcome = { rule: rule === undefined ? null : `${rule.kind}/${rule.ruleId}`, notify, highlight, actions };
    assert.deepEqual(outcome, { ...outcome, ...vector.expect }, vector.why);
  });
}

const HOSTILE_MS_MAX = 2_000;
for (const vector of readHostileGlobs()) {
  void test(`${vector.name}, in time`, () => {
    const startedMs = performance.now();
    assert.equal(verdictOn(vector).notify, vector.expect);
    assert.ok(performance.now() - startedMs < HOSTILE_MS_MAX);
  });
}

void test('the rules that every user has are those of the specification', () => {
  assert.deepEqual(buildDefaultPushRules('@me:a.test'), readPredefinedRules());
});

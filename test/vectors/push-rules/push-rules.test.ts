/** Runs every push rule vector against the evaluation of push rules, and the predefined rules against ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluatePushRules } from '#matrix/push-rules/evaluate.ts';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { readHostileGlobs, readPredefinedRules, readPushCases, type PushCase } from '#test/vectors/push-rules/cases.ts';
import { evaluateByTheText } from '#test/vectors/push-rules/oracle.ts';
import { Chance } from '#test/support/chance.ts';

/** Generous for a slow machine; going back through a pattern would take longer than anybody waits. */
const hostileMsMax = 5000;

function evaluate({ rules, event, context }: Pick<PushCase, 'rules' | 'event' | 'context'>) {
  const { state_key: stateKey, room_id: roomId, ...rest } = event;
  const verdict = evaluatePushRules(rules, { ...rest, roomId, stateKey }, context);
  const rule = verdict.rule === undefined ? null : `${verdict.rule.kind}/${verdict.rule.ruleId}`;
  return { ...verdict, rule };
}

void test('the evaluation agrees with every push rule vector', () => {
  const differences: string[] = [];
  for (const entry of readPushCases()) {
    const verdict = evaluate(entry);
    const expected = { highlight: verdict.highlight, actions: verdict.actions, ...entry.expect };
    const [found, wanted] = [JSON.stringify(verdict), JSON.stringify({ ...verdict, ...expected })];
    if (found !== wanted) differences.push(`${entry.name}: expected ${wanted}, found ${found}`);
  }
  assert.deepEqual(differences, []);
});

void test('random patterns match the random bodies that the text has them match', () => {
  const seed = chooseSeed();
  const chance = new Chance(seededNumbers(seed));
  const text = (letters: readonly string[], lengthMax: number): string =>
    Array.from({ length: chance.between(0, lengthMax) }, () => chance.pick(letters)).join('');
  const none = { override: [], room: [], sender: [], underride: [] };
  const context = { userId: '@me:a.test', displayName: 'Momo', joinedMemberCount: 5, senderPowerLevel: 0, notificationLevels: {} };
  let matched = 0;
  for (let run = 0; run < 20_000; run += 1) {
    const pattern = text(['a', 'b', 'B', '_', ' ', 'é', '😀', '*', '?'], 6);
    const body = text(['a', 'A', 'b', '_', ' ', '-', 'é', '😀'], 8);
    const rule = { rule_id: 'c', default: false, enabled: true, pattern, actions: ['notify'] };
    const entry = {
      rules: { ...none, content: [rule] },
      event: { type: 'm.x', sender: '@bob:b.test', room_id: '!room:a.test', content: { body } },
      context,
    };
    const wanted = evaluateByTheText(entry.rules, entry.event, context).notify;
    assert.equal(evaluate(entry).notify, wanted, `seed ${seed}: ${JSON.stringify({ pattern, body })}`);
    matched += Number(wanted);
  }
  console.log(`seed ${seed}: ${matched} of 20000 matched`);
});

void test('hostile patterns are decided in time that grows with the text alone', () => {
  for (const entry of readHostileGlobs()) {
    const start = performance.now();
    const { notify } = evaluate(entry);
    const took = performance.now() - start;
    console.log(`${entry.name}: ${took.toFixed(1)} ms`);
    assert.equal(notify, entry.expect, entry.name);
    assert.ok(took < hostileMsMax, `${entry.name} took ${took} ms`);
  }
});

void test('the rules that every user has are those of the specification, in its order', () => {
  assert.deepEqual(buildDefaultPushRules('@me:a.test'), readPredefinedRules());
});

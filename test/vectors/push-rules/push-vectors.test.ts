/** Checks the push rule vectors themselves: their shape, what they cover, and that the text gives what they expect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHostileGlobs, readPredefinedRules, readPushCases, ruleKinds } from '#test/vectors/push-rules/cases.ts';
import { evaluateByTheText } from '#test/vectors/push-rules/oracle.ts';

const cases = readPushCases();

void test('names are unique, and every case says why', () => {
  const names = [...cases, ...readHostileGlobs()].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, why } of cases) assert.match(why, /^[A-Z].*\.$/, name);
  console.log(`${names.length} push rule cases`);
});

void test('the text gives what every case expects', () => {
  for (const { name, rules, event, context, expect } of cases) {
    const outcome = evaluateByTheText(rules, event, context);
    const wanted = { highlight: outcome.highlight, actions: outcome.actions, ...expect };
    assert.deepEqual(outcome, wanted, name);
  }
});

void test('every predefined rule decides some case', () => {
  const decided = new Set(cases.map(({ expect }) => expect.rule));
  const predefined = readPredefinedRules();
  const missing = ruleKinds.flatMap((kind) =>
    predefined[kind].map(({ rule_id: id }) => `${kind}/${id}`).filter((id) => !decided.has(id)),
  );
  assert.deepEqual(missing, []);
});

void test('every kind of condition holds in one case and fails in another', () => {
  const seen = new Set<string>();
  for (const { rules, expect } of cases) {
    const [rule, second] = rules.override;
    const conditions = rule?.conditions ?? [];
    if (second !== undefined || conditions.length !== 1) continue;
    seen.add(`${JSON.stringify(conditions[0]?.['kind'])} ${expect.rule === null ? 'fails' : 'holds'}`);
  }
  for (const kind of ['event_match', 'event_property_is', 'event_property_contains', 'room_member_count']) {
    assert.ok(seen.has(`"${kind}" holds`) && seen.has(`"${kind}" fails`), kind);
  }
  for (const kind of ['sender_notification_permission', 'contains_display_name']) {
    assert.ok(seen.has(`"${kind}" holds`) && seen.has(`"${kind}" fails`), kind);
  }
});

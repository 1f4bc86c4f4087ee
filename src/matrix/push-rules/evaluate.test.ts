/** Proves which push rule decides. Specification: Client-Server API, "Push Rules". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { evaluatePushRules, type PushContext, type PushedEvent } from '#matrix/push-rules/evaluate.ts';
import type { PushCondition, PushRule, PushRuleset } from '#matrix/push-rules/push-rule.ts';

const context: PushContext = {
  userId: '@alice:example.org',
  displayName: 'Alice?',
  joinedMemberCount: 3,
  senderPowerLevel: 0,
  notificationLevels: { room: 50 },
};
const message = (body: string, more: Partial<PushedEvent> = {}): PushedEvent => ({
  type: 'm.room.message',
  sender: '@bob:example.org',
  roomId: '!r:example.org',
  content: { msgtype: 'm.text', body },
  ...more,
});
const empty: PushRuleset = { override: [], content: [], room: [], sender: [], underride: [] };
const rule = (ruleId: string, changes: Partial<PushRule> = {}): PushRule => ({
  rule_id: ruleId,
  default: false,
  enabled: true,
  actions: ['notify'],
  ...changes,
});
const holds = (condition: PushCondition, event: PushedEvent, changes: Partial<PushContext> = {}): boolean =>
  evaluatePushRules({ ...empty, underride: [rule('r', { conditions: [condition] })] }, event, {
    ...context,
    ...changes,
  }).notify;

test('kinds are tried in their order, and the first match decides alone', () => {
  const rules: PushRuleset = {
    override: [rule('o', { conditions: [{ kind: 'event_match', key: 'content.body', pattern: 'over' }] })],
    content: [rule('c', { pattern: 'con*' })],
    room: [rule('!r:example.org', { actions: [] })],
    sender: [rule('@bob:example.org')],
    underride: [rule('u')],
  };
  const decided = (event: PushedEvent): string | undefined => evaluatePushRules(rules, event, context).rule?.ruleId;
  assert.equal(decided(message('over and content')), 'o');
  assert.equal(decided(message('a content rule')), 'c');
  assert.equal(decided(message('x')), '!r:example.org');
  assert.equal(decided(message('x', { roomId: '!s' })), '@bob:example.org');
  assert.equal(decided(message('x', { roomId: '!s', sender: '@carol:x' })), 'u');
  assert.equal(evaluatePushRules(rules, message('x'), context).notify, false);
});

test('the master rule silences everything, and disabled rules nothing', () => {
  const master = rule('.m.rule.master', { default: true, enabled: true, actions: [], conditions: [] });
  const rules = { ...empty, override: [rule('mine'), master] };
  assert.equal(evaluatePushRules(rules, message('x'), context).notify, false);
  const off = { ...empty, override: [rule('mine'), { ...master, enabled: false }] };
  assert.equal(evaluatePushRules(off, message('x'), context).rule?.ruleId, 'mine');
  assert.equal(
    evaluatePushRules({ ...empty, underride: [rule('u', { enabled: false })] }, message('x'), context).rule,
    undefined,
  );
});

test('what one sent oneself never notifies', () => {
  const own = message('x', { sender: context.userId });
  assert.equal(evaluatePushRules({ ...empty, underride: [rule('u')] }, own, context).notify, false);
});

test('tweaks: a highlight without a value is one, historical actions are none', () => {
  const verdict = (actions: PushRule['actions']) =>
    evaluatePushRules({ ...empty, underride: [rule('u', { actions })] }, message('x'), context);
  assert.equal(verdict(['notify', { set_tweak: 'highlight' }]).highlight, true);
  assert.equal(verdict(['notify', { set_tweak: 'highlight', value: false }]).highlight, false);
  assert.deepEqual(verdict(['dont_notify', 'coalesce']).actions, []);
});

test('event_match is whole and without regard to case, but in the body it is about words', () => {
  const topic = (value: JsonObject[string]): PushedEvent => message('', { content: { topic: value } });
  const lunch = { kind: 'event_match', key: 'content.topic', pattern: 'lunc?*' };
  assert.deepEqual(
    ['Lunch plans', 'LUNCH', ' lunch', 'lunc', null].map((value) => holds(lunch, topic(value))),
    [true, true, false, false, false],
  );
  const body = { kind: 'event_match', key: 'content.body', pattern: 'ex*ple' };
  assert.deepEqual(
    ['An example event.', 'exple', 'An exciting triple-whammy', 'inexample', 'examples'].map((text) =>
      holds(body, message(text)),
    ),
    [true, true, true, false, false],
  );
  assert.equal(holds({ kind: 'event_match', key: 'state_key', pattern: '*' }, message('')), false);
  assert.equal(holds({ kind: 'event_match', key: 'state_key', pattern: '' }, message('', { stateKey: '' })), true);
});

test('properties are compared exactly, by escaped paths', () => {
  const event = message('', { content: { 'm.federate': true, n: 1, 'a\\b': { list: ['x', 1, null, ['y']] } } });
  const is = (key: string, value: unknown) => holds({ kind: 'event_property_is', key, value }, event);
  assert.deepEqual(
    [is(String.raw`content.m\.federate`, true), is(String.raw`content.m\.federate`, 'true'), is('content.n', true)],
    [true, false, false],
  );
  const contains = (value: unknown) =>
    holds({ kind: 'event_property_contains', key: String.raw`content.a\\b.list`, value }, event);
  assert.deepEqual(
    [contains('x'), contains(1), contains(null), contains('y'), contains('1')],
    [true, true, true, false, false],
  );
  assert.equal(is('content.constructor', undefined), false);
});

test('counts, names and permissions', () => {
  const count = (is: string) => holds({ kind: 'room_member_count', is }, message(''));
  assert.deepEqual(['3', '==3', '>2', '>=3', '<3', '<=2', '=3', '', '3 '].map(count), [
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  const named = (text: string) => holds({ kind: 'contains_display_name' }, message(text));
  assert.deepEqual([named('hi alice?, there'), named('hi alicex'), named('alice')], [true, false, false]);
  const permission = { kind: 'sender_notification_permission', key: 'room' };
  assert.deepEqual(
    [0, 50, Infinity].map((senderPowerLevel) => holds(permission, message(''), { senderPowerLevel })),
    [false, true, true],
  );
  assert.equal(holds({ ...permission, key: 'other' }, message(''), { senderPowerLevel: 49 }), false);
  assert.equal(holds({ kind: 'org.example.unknown' }, message('')), false);
});

test('a hostile pattern costs no more than its length', () => {
  const pattern = '*a'.repeat(400) + 'b';
  const started = process.hrtime.bigint();
  holds({ kind: 'event_match', key: 'content.body', pattern }, message('a'.repeat(60_000)));
  assert.ok(process.hrtime.bigint() - started < 2_000_000_000n);
});

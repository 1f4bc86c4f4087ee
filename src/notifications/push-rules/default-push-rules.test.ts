import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';

const userId = '@alice:hs1.test';
const rules = buildDefaultPushRules(userId);

test('the rules stand in the order of the specification', () => {
  assert.deepEqual(
    rules.override.map((rule) => rule.rule_id),
    [
      '.m.rule.master',
      '.m.rule.suppress_notices',
      '.m.rule.invite_for_me',
      '.m.rule.member_event',
      '.m.rule.is_user_mention',
      '.m.rule.is_room_mention',
      '.m.rule.tombstone',
      '.m.rule.reaction',
      '.m.rule.room.server_acl',
      '.m.rule.suppress_edits',
    ],
  );
  assert.deepEqual(
    rules.underride.map((rule) => rule.rule_id),
    [
      '.m.rule.call',
      '.m.rule.encrypted_room_one_to_one',
      '.m.rule.room_one_to_one',
      '.m.rule.message',
      '.m.rule.encrypted',
    ],
  );
  assert.deepEqual([rules.content, rules.room, rules.sender], [[], [], []]);
});

test('all but the master rule are on', () => {
  for (const rule of [...rules.override, ...rules.underride]) {
    assert.equal(rule.enabled, rule.rule_id !== '.m.rule.master', rule.rule_id);
    assert.equal(rule.default, true);
  }
});

test('rules about the user name the user, and keys with dots in them are escaped', () => {
  const ruleOf = (ruleId: string) => rules.override.find((rule) => rule.rule_id === ruleId);
  assert.deepEqual(ruleOf('.m.rule.invite_for_me')?.conditions?.at(-1), {
    kind: 'event_match',
    key: 'state_key',
    pattern: userId,
  });
  assert.deepEqual(ruleOf('.m.rule.is_user_mention'), {
    rule_id: '.m.rule.is_user_mention',
    default: true,
    enabled: true,
    conditions: [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
    actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
  });
});

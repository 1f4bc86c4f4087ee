/** Owns the push rules that every user has from the start. */
import type { PushAction, PushCondition, PushRule, PushRuleset } from '#matrix/push-rules/push-rule.ts';

const sound: PushAction = { set_tweak: 'sound', value: 'default' };
const ring: PushAction = { set_tweak: 'sound', value: 'ring' };
const highlight: PushAction = { set_tweak: 'highlight' };

const matches = (key: string, pattern: string): PushCondition => ({ kind: 'event_match', key, pattern });
const oneToOne: PushCondition = { kind: 'room_member_count', is: '2' };

function rule(ruleId: string, conditions: readonly PushCondition[], actions: readonly PushAction[]): PushRule {
  return { rule_id: ruleId, default: true, enabled: true, conditions, actions };
}

/**
 * The rules of a user who has changed none, in the order in which they are tried.
 * Specification: Client-Server API, "Push Rules: Predefined Rules" (v1.19).
 */
export function buildDefaultPushRules(userId: string): PushRuleset {
  return { override: buildOverrides(userId), content: [], room: [], sender: [], underride };
}

function buildOverrides(userId: string): PushRule[] {
  return [
    { ...rule('.m.rule.master', [], []), enabled: false },
    rule('.m.rule.suppress_notices', [matches('content.msgtype', 'm.notice')], []),
    rule(
      '.m.rule.invite_for_me',
      [matches('type', 'm.room.member'), matches('content.membership', 'invite'), matches('state_key', userId)],
      ['notify', sound],
    ),
    rule('.m.rule.member_event', [matches('type', 'm.room.member')], []),
    rule(
      '.m.rule.is_user_mention',
      [{ kind: 'event_property_contains', key: String.raw`content.m\.mentions.user_ids`, value: userId }],
      ['notify', sound, highlight],
    ),
    rule(
      '.m.rule.is_room_mention',
      [
        { kind: 'event_property_is', key: String.raw`content.m\.mentions.room`, value: true },
        { kind: 'sender_notification_permission', key: 'room' },
      ],
      ['notify', highlight],
    ),
    rule('.m.rule.tombstone', [matches('type', 'm.room.tombstone'), matches('state_key', '')], ['notify', highlight]),
    rule('.m.rule.reaction', [matches('type', 'm.reaction')], []),
    rule('.m.rule.room.server_acl', [matches('type', 'm.room.server_acl'), matches('state_key', '')], []),
    rule(
      '.m.rule.suppress_edits',
      [{ kind: 'event_property_is', key: String.raw`content.m\.relates_to.rel_type`, value: 'm.replace' }],
      [],
    ),
  ];
}

const underride: readonly PushRule[] = [
  rule('.m.rule.call', [matches('type', 'm.call.invite')], ['notify', ring]),
  rule('.m.rule.encrypted_room_one_to_one', [oneToOne, matches('type', 'm.room.encrypted')], ['notify', sound]),
  rule('.m.rule.room_one_to_one', [oneToOne, matches('type', 'm.room.message')], ['notify', sound]),
  rule('.m.rule.message', [matches('type', 'm.room.message')], ['notify']),
  rule('.m.rule.encrypted', [matches('type', 'm.room.encrypted')], ['notify']),
];

/** Owns making a user's rules of what they have stored and of what every user has. */
import { masterRuleId, pushRuleKinds, type PushRule, type PushRuleset } from '#matrix/push-rules/push-rule.ts';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';

/**
 * The rules in the order in which they are tried: the master rule, the user's own of each kind, the server's. Of stored
 * rules of the server only what the user may change is taken, so that new versions of them reach everybody.
 * `content` is the text of `m.push_rules`, undefined for a user who has changed none.
 */
export function readPushRules(userId: string, content: string | undefined): PushRuleset {
  const defaults = buildDefaultPushRules(userId);
  if (content === undefined) return defaults;
  const { global: stored }: { global: PushRuleset } = JSON.parse(content);
  return mergePushRules(defaults, stored);
}

export function mergePushRules(defaults: PushRuleset, stored: PushRuleset): PushRuleset {
  const kinds = pushRuleKinds.map((kind) => {
    const own = stored[kind].filter((rule) => !rule.default);
    const changed = new Map(stored[kind].filter((rule) => rule.default).map((rule) => [rule.rule_id, rule]));
    const server = defaults[kind].map((rule): PushRule => {
      const change = changed.get(rule.rule_id);
      return change === undefined ? rule : { ...rule, enabled: change.enabled, actions: change.actions };
    });
    const isFirst = (rule: PushRule): boolean => rule.rule_id === masterRuleId;
    return [kind, [...server.filter(isFirst), ...own, ...server.filter((rule) => !isFirst(rule))]] as const;
  });
  const merged = new Map<string, readonly PushRule[]>(kinds);
  const rulesOf = (kind: (typeof pushRuleKinds)[number]): readonly PushRule[] => merged.get(kind) ?? [];
  return {
    override: rulesOf('override'),
    content: rulesOf('content'),
    room: rulesOf('room'),
    sender: rulesOf('sender'),
    underride: rulesOf('underride'),
  };
}

/** The text of `m.push_rules`. */
export function pushRulesContent(rules: PushRuleset): string {
  return JSON.stringify({ global: rules });
}

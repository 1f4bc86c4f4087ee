/** Owns the decision whether and how an event notifies a user. */
import type { JsonObject } from '#matrix/pdu.ts';
import { matchesBody, meetsCondition, type PushContext } from '#matrix/push-rules/conditions.ts';
import {
  masterRuleId,
  pushRuleKinds,
  type PushAction,
  type PushRule,
  type PushRuleKind,
  type PushRuleset,
} from '#matrix/push-rules/push-rule.ts';

export type { PushContext } from '#matrix/push-rules/conditions.ts';

export type PushedEvent = {
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string | undefined;
  readonly roomId: string;
  readonly content: JsonObject;
};

export type PushVerdict = {
  /** The rule that decided; undefined if none matched. */
  readonly rule: { readonly kind: PushRuleKind; readonly ruleId: string } | undefined;
  /** Without the historical ones, which mean nothing. */
  readonly actions: readonly PushAction[];
  readonly notify: boolean;
  /** Whether the tweak is set. */
  readonly highlight: boolean;
};

const silence: PushVerdict = { rule: undefined, actions: [], notify: false, highlight: false };
const historicalActions: ReadonlySet<unknown> = new Set(['dont_notify', 'coalesce']);

/**
 * The first enabled rule that matches decides, in the order of the kinds and, within a kind, of the list; the master rule
 * before all. Nobody is notified of what they sent themselves. The time grows with the event and the rules alone.
 * Specification: Client-Server API, "Push Rules".
 */
export function evaluatePushRules(rules: PushRuleset, event: PushedEvent, context: PushContext): PushVerdict {
  if (event.sender === context.userId) return silence;
  const json: JsonObject = {
    type: event.type,
    sender: event.sender,
    room_id: event.roomId,
    content: event.content,
    ...(event.stateKey !== undefined && { state_key: event.stateKey }),
  };
  const master = rules.override.find((rule) => rule.rule_id === masterRuleId);
  if (master?.enabled === true) return verdictOf('override', master);
  for (const kind of pushRuleKinds) {
    const found = rules[kind].find((rule) => rule.enabled && isMatch(kind, rule, json, context));
    if (found !== undefined) return verdictOf(kind, found);
  }
  return silence;
}

function isMatch(kind: PushRuleKind, rule: PushRule, json: JsonObject, context: PushContext): boolean {
  if (kind === 'room') return rule.rule_id === json['room_id'];
  if (kind === 'sender') return rule.rule_id === json['sender'];
  if (kind === 'content') return rule.pattern !== undefined && matchesBody(json, rule.pattern);
  return (rule.conditions ?? []).every((condition) => meetsCondition(condition, json, context));
}

function verdictOf(kind: PushRuleKind, rule: PushRule): PushVerdict {
  const actions = rule.actions.filter((action) => !historicalActions.has(action));
  return {
    rule: { kind, ruleId: rule.rule_id },
    actions,
    notify: actions.includes('notify'),
    highlight: actions.some(isHighlight),
  };
}

/** A highlight without a value is one. */
function isHighlight(action: PushAction): boolean {
  if (typeof action !== 'object' || action === null || Array.isArray(action)) return false;
  return action['set_tweak'] === 'highlight' && (action['value'] ?? true) === true;
}

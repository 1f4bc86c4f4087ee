/** Owns the changes that users make to their rules, as pure functions from rules to rules. */
import { MatrixError } from '#matrix/error.ts';
import type { PushAction, PushCondition, PushRule, PushRuleKind, PushRuleset } from '#matrix/push-rules/push-rule.ts';

/** Where a rule stands: one kind, and its id among them. */
export type RuleKey = { readonly kind: PushRuleKind; readonly ruleId: string };

const RULES_OF_KIND_MAX = 1_000;

/** Throws M_NOT_FOUND. */
export function requireRule(rules: PushRuleset, { kind, ruleId }: RuleKey): PushRule {
  const rule = rules[kind].find((each) => each.rule_id === ruleId);
  if (rule === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such push rule.');
  return rule;
}

export type RuleDefinition = {
  readonly actions: readonly PushAction[];
  readonly conditions: readonly PushCondition[] | undefined;
  readonly pattern: string | undefined;
};
export type RulePlace = { readonly before: string | undefined; readonly after: string | undefined };

/**
 * Adds a rule of the user's own, or changes the one with its id, which keeps its place unless another one is asked for.
 * Throws M_INVALID_PARAM for ids that are the server's or have slashes, M_MISSING_PARAM for a content rule without a
 * pattern, M_NOT_FOUND for a place next to a rule that there is not.
 */
export function withRule(rules: PushRuleset, key: RuleKey, definition: RuleDefinition, place: RulePlace): PushRuleset {
  const { kind, ruleId } = key;
  if (ruleId.startsWith('.')) {
    throw new MatrixError('M_INVALID_PARAM', 'Ids of push rules that start with a dot are those of the server.');
  }
  if (/[/\\]/.test(ruleId)) throw new MatrixError('M_INVALID_PARAM', 'The id of a push rule has no slashes.');
  const existing = rules[kind].find((each) => each.rule_id === ruleId);
  const rule: PushRule = {
    rule_id: ruleId,
    default: false,
    enabled: existing?.enabled ?? true,
    actions: definition.actions,
    ...((kind === 'override' || kind === 'underride') && { conditions: definition.conditions ?? [] }),
    ...(kind === 'content' && { pattern: requirePattern(definition) }),
  };
  const isMoved = place.before !== undefined || place.after !== undefined;
  if (existing !== undefined && !isMoved) return withKind(rules, kind, (each) => (each === existing ? rule : each));
  const others = rules[kind].filter((each) => each !== existing);
  if (others.length >= RULES_OF_KIND_MAX) {
    throw new MatrixError(
      'M_RESOURCE_LIMIT_EXCEEDED',
      `There are ${RULES_OF_KIND_MAX} push rules of this kind already.`,
    );
  }
  return { ...rules, [kind]: others.toSpliced(indexFor(others, place), 0, rule) };
}

/** Directly before the one rule, or else directly after the other, or else before all rules of the user. */
function indexFor(rules: readonly PushRule[], { before, after }: RulePlace): number {
  const neighbour = before ?? after;
  if (neighbour === undefined) {
    const first = rules.findIndex((rule) => !rule.default);
    return first !== -1 ? first : rules[0]?.rule_id === '.m.rule.master' ? 1 : 0;
  }
  if (neighbour.startsWith('.')) {
    throw new MatrixError('M_INVALID_PARAM', 'A push rule cannot be placed next to one of the server.');
  }
  const index = rules.findIndex((rule) => rule.rule_id === neighbour && !rule.default);
  if (index === -1) throw new MatrixError('M_NOT_FOUND', 'There is no push rule to place this one next to.');
  return before === undefined ? index + 1 : index;
}

function requirePattern({ pattern }: RuleDefinition): string {
  if (pattern === undefined) throw new MatrixError('M_MISSING_PARAM', 'A content rule needs a "pattern".');
  return pattern;
}

/** Throws M_NOT_FOUND, and M_INVALID_PARAM for rules of the server, which can only be disabled. */
export function withoutRule(rules: PushRuleset, key: RuleKey): PushRuleset {
  const rule = requireRule(rules, key);
  if (rule.default) throw new MatrixError('M_INVALID_PARAM', 'Rules of the server can be disabled, not removed.');
  return { ...rules, [key.kind]: rules[key.kind].filter((each) => each !== rule) };
}

/** Changes what may be changed of any rule. Throws M_NOT_FOUND. */
export function withChange(
  rules: PushRuleset,
  key: RuleKey,
  change: Partial<Pick<PushRule, 'enabled' | 'actions'>>,
): PushRuleset {
  const rule = requireRule(rules, key);
  return withKind(rules, key.kind, (each) => (each === rule ? { ...rule, ...change } : each));
}

function withKind(rules: PushRuleset, kind: PushRuleKind, change: (rule: PushRule) => PushRule): PushRuleset {
  return { ...rules, [kind]: rules[kind].map(change) };
}

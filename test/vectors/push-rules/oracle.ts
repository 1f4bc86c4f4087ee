/** Owns the reference evaluation of push rules, written from the text; slow, and not for hostile patterns. */
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import {
  ruleKinds,
  type Context,
  type PushedEvent,
  type Rule,
  type RuleKind,
  type Ruleset,
} from '#test/vectors/push-rules/cases.ts';

type Outcome = {
  readonly rule: string | null;
  readonly notify: boolean;
  readonly highlight: boolean;
  readonly actions: readonly JsonValue[];
};

const historicalActions: readonly JsonValue[] = ['dont_notify', 'coalesce'];

export function evaluateByTheText(rules: Ruleset, event: PushedEvent, context: Context): Outcome {
  const none: Outcome = { rule: null, notify: false, highlight: false, actions: [] };
  // "For each of the local users in the room (excluding the sender)".
  if (event.sender === context.userId) return none;
  for (const kind of ruleKinds) {
    for (const rule of rules[kind]) {
      if (!rule.enabled || !matches(kind, rule, event, context)) continue;
      const actions = rule.actions.filter((action) => !historicalActions.includes(action));
      return {
        rule: `${kind}/${rule.rule_id}`,
        notify: actions.includes('notify'),
        highlight: actions.some((action) => isHighlight(action)),
        actions,
      };
    }
  }
  return none;
}

function isHighlight(action: JsonValue): boolean {
  if (typeof action !== 'object' || action === null || Array.isArray(action)) return false;
  return action['set_tweak'] === 'highlight' && action['value'] !== false;
}

function matches(kind: RuleKind, rule: Rule, event: PushedEvent, context: Context): boolean {
  if (kind === 'room') return rule.rule_id === event.room_id;
  if (kind === 'sender') return rule.rule_id === event.sender;
  if (kind !== 'content') return (rule.conditions ?? []).every((condition) => holds(condition, event, context));
  const body = event.content['body'];
  return rule.pattern !== undefined && typeof body === 'string' && matchesWords(rule.pattern, body);
}

function holds(condition: JsonObject, event: PushedEvent, context: Context): boolean {
  const { kind, key, value, is } = condition;
  if (kind === 'room_member_count') return typeof is === 'string' && countIs(is, context.joinedMemberCount);
  if (kind === 'contains_display_name') {
    const body = event.content['body'];
    return typeof body === 'string' && Boolean(context.displayName) && body.includes(context.displayName ?? '');
  }
  if (typeof key !== 'string') return false;
  if (kind === 'sender_notification_permission') {
    return context.senderPowerLevel >= (context.notificationLevels[key] ?? 50);
  }
  const found = propertyAt({ ...event }, splitPath(key));
  if (kind === 'event_match') return globMatches(condition['pattern'], found, key);
  if (value === undefined || (typeof value === 'object' && value !== null)) return false;
  if (kind === 'event_property_is') return found === value;
  return kind === 'event_property_contains' && Array.isArray(found) && found.includes(value);
}

function globMatches(pattern: JsonValue | undefined, found: JsonValue | undefined, key: string): boolean {
  if (typeof pattern !== 'string' || typeof found !== 'string') return false;
  return key === 'content.body' ? matchesWords(pattern, found) : globExpression(pattern).test(found);
}

/** "Any literal dot or backslash … escaped with a backslash", and "other escape sequences are left as-is". */
function splitPath(key: string): string[] {
  const names = [''];
  for (let at = 0; at < key.length; at += 1) {
    const [character = '', next = ''] = key.slice(at, at + 2);
    if (character === '.') names.push('');
    else if (character === '\\' && (next === '.' || next === '\\')) {
      names.push((names.pop() ?? '') + next);
      at += 1;
    } else names.push((names.pop() ?? '') + character);
  }
  return names;
}

function propertyAt(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined;
  return propertyAt(value[name], rest);
}

function globExpression(pattern: string): RegExp {
  const parts = Array.from(pattern, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : character.replace(/[\\^$.+()[\]{}|/]/, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('')}$`, 'isu');
}

/** "Any substring … which starts and ends at a word boundary", one after the other. */
function matchesWords(pattern: string, body: string): boolean {
  const characters = Array.from(body);
  const isOutside = (at: number): boolean => !/^[A-Za-z0-9_]$/.test(characters[at] ?? ' ');
  const bounds = [...characters.keys(), characters.length].filter((at) => isOutside(at - 1) || isOutside(at));
  const glob = globExpression(pattern);
  return bounds.some((from) => bounds.some((to) => to >= from && glob.test(characters.slice(from, to).join(''))));
}

function countIs(is: string, count: number): boolean {
  const [, prefix, digits] = /^(==|<=|>=|<|>)?([0-9]+)$/.exec(is) ?? [];
  const wanted = Number(digits);
  if (prefix === '<') return count < wanted;
  if (prefix === '>') return count > wanted;
  if (prefix === '<=') return count <= wanted;
  return prefix === '>=' ? count >= wanted : count === wanted;
}

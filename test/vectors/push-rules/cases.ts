/** Owns reading the push rule vectors, with what they leave out filled in. */
import { readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';

export type Condition = { readonly kind: string } & JsonObject;
export type Rule = {
  readonly rule_id: string;
  readonly default: boolean;
  readonly enabled: boolean;
  readonly conditions?: readonly Condition[];
  readonly pattern?: string;
  readonly actions: readonly JsonValue[];
};
export const ruleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const;
export type RuleKind = (typeof ruleKinds)[number];
export type Ruleset = { readonly [K in RuleKind]: readonly Rule[] };

/** An event with the names of the wire. */
export type PushedEvent = {
  readonly type: string;
  readonly sender: string;
  readonly state_key?: string;
  readonly room_id: string;
  readonly content: JsonObject;
};
export type Context = {
  readonly userId: string;
  readonly displayName: string | undefined;
  readonly joinedMemberCount: number;
  readonly senderPowerLevel: number;
  readonly notificationLevels: { readonly [key: string]: number };
};
type Expectation = {
  /** Kind and id of the rule that matches, as in `override/.m.rule.reaction`; null if none does. */
  readonly rule: string | null;
  readonly notify: boolean;
  readonly highlight?: boolean;
  readonly actions?: readonly JsonValue[];
};
export type PushCase = {
  readonly name: string;
  readonly why: string;
  readonly rules: Ruleset;
  readonly event: PushedEvent;
  readonly context: Context;
  readonly expect: Expectation;
};
type WrittenContext = {
  readonly displayName?: string | null;
  readonly joinedMemberCount?: number;
  readonly senderPowerLevel?: number | 'infinite';
  readonly notificationLevels?: { readonly [key: string]: number };
};
type WrittenCase = Omit<PushCase, 'rules' | 'context'> & {
  readonly rules?: Ruleset;
  readonly context?: WrittenContext;
};

export const caseFiles = ['predefined-rules', 'conditions', 'kinds', 'actions'] as const;
const userId = '@me:a.test';

const readJson = (name: string): string => readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8');

/** The server-default rules of `userId`, in their order. */
export function readPredefinedRules(): Ruleset {
  const { rules }: { rules: Ruleset } = JSON.parse(readJson('predefined'));
  return rules;
}

export function readPushCases(): PushCase[] {
  const predefined = readPredefinedRules();
  return caseFiles.flatMap((name) => {
    const { cases }: { cases: readonly WrittenCase[] } = JSON.parse(readJson(name));
    return cases.map((written) => ({
      ...written,
      rules: written.rules ?? predefined,
      context: readContext(written.context ?? {}),
    }));
  });
}

function readContext(written: WrittenContext): Context {
  const { displayName = 'Momo', senderPowerLevel = 0 } = written;
  return {
    userId,
    displayName: displayName ?? undefined,
    joinedMemberCount: written.joinedMemberCount ?? 5,
    senderPowerLevel: senderPowerLevel === 'infinite' ? Infinity : senderPowerLevel,
    notificationLevels: written.notificationLevels ?? { room: 50 },
  };
}

type TextPart = string | { readonly repeat: string; readonly times: number };
type WrittenGlob = {
  readonly name: string;
  readonly kind?: 'content' | 'match';
  readonly body: readonly TextPart[];
  readonly pattern: readonly TextPart[];
  readonly expect: boolean;
};
export type HostileGlob = {
  readonly name: string;
  /** A content rule on the body, or an `event_match` on `content.topic`, whose whole value has to match. */
  readonly rules: Ruleset;
  readonly event: PushedEvent;
  readonly context: Context;
  readonly expect: boolean;
};

export function readHostileGlobs(): HostileGlob[] {
  const { cases }: { cases: readonly WrittenGlob[] } = JSON.parse(readJson('hostile-globs'));
  const none: Ruleset = { override: [], content: [], room: [], sender: [], underride: [] };
  const common = { rule_id: 'r', default: false, enabled: true, actions: ['notify'] };
  return cases.map(({ name, kind, body, pattern, expect }) => {
    const text = joinParts(body);
    const glob = joinParts(pattern);
    const conditions = [{ kind: 'event_match', key: 'content.topic', pattern: glob }];
    const rules =
      kind === 'match'
        ? { ...none, override: [{ ...common, conditions }] }
        : { ...none, content: [{ ...common, pattern: glob }] };
    const event = { type: 'm.x', sender: '@bob:b.test', room_id: '!room:a.test', content: { body: text, topic: text } };
    return { name, rules, event, context: readContext({}), expect };
  });
}

const joinParts = (parts: readonly TextPart[]): string =>
  parts.map((part) => (typeof part === 'string' ? part : part.repeat.repeat(part.times))).join('');

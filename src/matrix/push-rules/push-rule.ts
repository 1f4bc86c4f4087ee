/** Owns the shapes of push rules, with the names of the wire. */
import type { JsonValue } from '#matrix/pdu.ts';

/** In the order in which they are tried. */
export const pushRuleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const;
export type PushRuleKind = (typeof pushRuleKinds)[number];

/** `notify`, or an object such as `{ set_tweak: 'sound', value: 'default' }`. Clients may store what the server does not know. */
export type PushAction = JsonValue;

/** Of whatever `kind`; one that is not known never matches. Specification: Client-Server API, "Conditions". */
export type PushCondition = Readonly<Record<string, unknown>>;

export type PushRule = {
  readonly rule_id: string;
  /** Whether the server made it; its id starts with a dot. */
  readonly default: boolean;
  readonly enabled: boolean;
  readonly actions: readonly PushAction[];
  /** Of `override` and `underride`. */
  readonly conditions?: readonly PushCondition[];
  /** Of `content`. */
  readonly pattern?: string;
};

export type PushRuleset = { readonly [kind in PushRuleKind]: readonly PushRule[] };

/** The rule that comes before all others, those of the user included. */
export const masterRuleId = '.m.rule.master';

/** Owns the endpoints by which clients read and change push rules. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import type { PushAction, PushCondition } from '#matrix/push-rules/push-rule.ts';
import { pushRuleKinds } from '#matrix/push-rules/push-rule.ts';
import {
  requireRule,
  withChange,
  withoutRule,
  withRule,
  type RuleKey,
} from '#notifications/push-rules/edit-push-rules.ts';
import { changePushRules, findPushRules } from '#notifications/push-rules/push-rules.ts';

const spec = 'Client-Server API, Push Rules: API';
const reading = { method: 'GET', auth: 'user', allow: ['suspended'], rateLimit: 'none', spec } as const;
const rulePath = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}';
const oldRulePath = '/_matrix/client/r0/pushrules/global/{kind}/{ruleId}';

const action = Type.Unsafe<PushAction>(
  Type.Union([
    Type.Literal('notify'),
    Type.Literal('dont_notify'),
    Type.Literal('coalesce'),
    Type.Object({ set_tweak: Type.String() }),
  ]),
);
const actions = Type.Array(action, { maxItems: 100 });
const condition = Type.Unsafe<PushCondition>(Type.Object({ kind: Type.String() }));

type KeyParams = { readonly kind: string; readonly ruleId: string };

function findKey({ kind: name, ruleId }: KeyParams): RuleKey | undefined {
  const kind = pushRuleKinds.find((each) => each === name);
  return kind && { kind, ruleId };
}

/** Of a kind that there is not, there is no rule: M_NOT_FOUND. */
function requireKey(params: KeyParams): RuleKey {
  const key = findKey(params);
  if (key === undefined) throw new MatrixError('M_NOT_FOUND', `There are no push rules of the kind "${params.kind}".`);
  return key;
}

export const getPushRules = endpoint({
  ...reading,
  operation: 'client.getPushRules',
  path: '/_matrix/client/v3/pushrules/',
  aliases: ['/_matrix/client/v3/pushrules', '/_matrix/client/r0/pushrules/', '/_matrix/client/r0/pushrules'],
  handler: async ({ database }: Context, { principal }) => ({ global: await findPushRules(database, principal) }),
});

export const getPushRulesGlobal = endpoint({
  ...reading,
  operation: 'client.getPushRulesGlobal',
  path: '/_matrix/client/v3/pushrules/global/',
  aliases: [
    '/_matrix/client/v3/pushrules/global',
    '/_matrix/client/r0/pushrules/global/',
    '/_matrix/client/r0/pushrules/global',
  ],
  handler: async ({ database }: Context, { principal }) => ({ ...(await findPushRules(database, principal)) }),
});

export const getPushRule = endpoint({
  ...reading,
  operation: 'client.getPushRule',
  path: rulePath,
  aliases: [oldRulePath],
  handler: async ({ database }: Context, { params, principal }) => ({
    ...requireRule(await findPushRules(database, principal), requireKey(params)),
  }),
});

export const setPushRule = endpoint({
  operation: 'client.setPushRule',
  method: 'PUT',
  path: rulePath,
  aliases: [oldRulePath],
  auth: 'user',
  rateLimit: 'default',
  spec,
  query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
  body: Type.Object({
    actions,
    conditions: Type.Optional(Type.Array(condition, { maxItems: 100 })),
    pattern: Type.Optional(Type.String({ maxLength: 1024 })),
  }),
  handler: async ({ streams }: Context, { params, query, body, principal }) => {
    const key = findKey(params);
    if (key === undefined) {
      throw new MatrixError('M_INVALID_PARAM', `The kind of a push rule is one of ${pushRuleKinds.join(', ')}.`);
    }
    const definition = { actions: body.actions, conditions: body.conditions, pattern: body.pattern };
    const place = { before: query.before, after: query.after };
    await changePushRules(streams.write, principal, (rules) => withRule(rules, key, definition, place));
    return {};
  },
});

export const deletePushRule = endpoint({
  operation: 'client.deletePushRule',
  method: 'DELETE',
  path: rulePath,
  aliases: [oldRulePath],
  auth: 'user',
  rateLimit: 'send',
  spec,
  handler: async ({ streams }: Context, { params, principal }) => {
    const key = requireKey(params);
    await changePushRules(streams.write, principal, (rules) => withoutRule(rules, key));
    return {};
  },
});

export const isPushRuleEnabled = endpoint({
  ...reading,
  operation: 'client.isPushRuleEnabled',
  path: `${rulePath}/enabled`,
  aliases: [`${oldRulePath}/enabled`],
  handler: async ({ database }: Context, { params, principal }) => ({
    enabled: requireRule(await findPushRules(database, principal), requireKey(params)).enabled,
  }),
});

export const setPushRuleEnabled = endpoint({
  operation: 'client.setPushRuleEnabled',
  method: 'PUT',
  path: `${rulePath}/enabled`,
  aliases: [`${oldRulePath}/enabled`],
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ enabled: Type.Boolean() }),
  handler: async ({ streams }: Context, { params, body: { enabled }, principal }) => {
    const key = requireKey(params);
    await changePushRules(streams.write, principal, (rules) => withChange(rules, key, { enabled }));
    return {};
  },
});

export const getPushRuleActions = endpoint({
  ...reading,
  operation: 'client.getPushRuleActions',
  path: `${rulePath}/actions`,
  aliases: [`${oldRulePath}/actions`],
  handler: async ({ database }: Context, { params, principal }) => ({
    actions: requireRule(await findPushRules(database, principal), requireKey(params)).actions,
  }),
});

export const setPushRuleActions = endpoint({
  operation: 'client.setPushRuleActions',
  method: 'PUT',
  path: `${rulePath}/actions`,
  aliases: [`${oldRulePath}/actions`],
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ actions }),
  handler: async ({ streams }: Context, { params, body, principal }) => {
    const key = requireKey(params);
    await changePushRules(streams.write, principal, (rules) => withChange(rules, key, { actions: body.actions }));
    return {};
  },
});

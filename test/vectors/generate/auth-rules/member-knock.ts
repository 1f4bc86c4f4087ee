/** Owns the cases on knocking. */
import type { Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, between, bob, joined, joinRule, member, membership, power, since } from '#test/vectors/generate/sketch.ts';

const knock = membership(bob, bob, 'knock');

function memberships(rule: string, versions: readonly string[]): Sketch[] {
  return ['none', 'leave', 'knock', 'invite', 'join', 'ban'].map((before) => {
    const allowed = before === 'none' || before === 'leave' || before === 'knock';
    return {
      name: `knock-${rule.replace('_', '-')}-after-${before}`,
      versions,
      rule: allowed ? 'knock.ok' : 'knock.otherwise',
      expect: allowed ? 'allowed' : 'denied',
      state: [joinRule(rule), ...(before === 'none' ? [] : [member(bob, before)])],
      event: knock,
      why: `The join rule is ${rule} and the membership before is ${before}.`,
    };
  });
}

const otherRules = ['public', 'invite', 'private', 'restricted', 'test.friends'];

export const memberKnock: Sketch[] = [
  ...memberships('knock', since(7)),
  ...memberships('knock_restricted', since(10)),
  ...otherRules.map((rule): Sketch => ({ name: `knock-on-${rule.replace('.', '-')}`, versions: since(7), rule: 'knock.join-rule', expect: 'denied', state: [joinRule(rule)], event: knock, why: `Rooms with the join rule ${rule} take no knocks.` })),
  { name: 'knock-on-knock-restricted-before-version-10', versions: between(7, 9), rule: 'knock.join-rule', expect: 'denied', state: [joinRule('knock_restricted')], event: knock, why: 'These versions know knocking, but not under this join rule.' },
  { name: 'knock-without-join-rules', versions: since(7), rule: 'knock.join-rule', expect: 'denied', event: knock, why: 'Without a join rule the room does not take knocks.' },
  { name: 'knock-on-knock', versions: since(7), rule: 'knock.join-rule', expect: 'allowed', state: [joinRule('knock')], event: knock, why: 'The join rule asks for knocks.' },
  { name: 'knock-for-another', versions: since(7), rule: 'knock.for-another', expect: 'denied', state: [joinRule('knock')], event: membership(alice, bob, 'knock'), why: 'Nobody knocks on behalf of somebody else, though either of them could knock for themselves.' },
  { name: 'knock-for-another-by-member', versions: since(7), rule: 'knock.for-another', expect: 'denied', state: [joined(alice), joinRule('knock')], event: membership(alice, bob, 'knock'), why: 'Members do not knock on behalf of somebody else either.' },
  { name: 'knock-for-oneself', versions: since(7), rule: 'knock.for-another', expect: 'allowed', state: [joinRule('knock')], event: knock, why: 'The user knocks on their own behalf.' },
  { name: 'knock-below-every-level', versions: since(7), rule: 'knock.ok', expect: 'allowed', state: [joinRule('knock'), power({ users_default: -1, invite: 100, state_default: 100 })], event: knock, why: 'No level is needed to knock.' },
];

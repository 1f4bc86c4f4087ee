/** Owns the cases on joining, without restricted joins, and on what every membership event must have. */
import type { Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, between, bob, carol, creator, join, joined, joinRule, member, membership, power, since, until } from '#test/vectors/generate/sketch.ts';

const shape: Sketch[] = [
  { name: 'member-without-state-key', versions: all, rule: 'member.no-membership', expect: 'denied', state: [joinRule('public')], event: { type: 'm.room.member', sender: bob, content: { membership: 'join' } }, why: 'A membership event is about the user in its state key, and there is none.' },
  { name: 'member-without-membership', versions: all, rule: 'member.no-membership', expect: 'denied', state: [joinRule('public')], event: { type: 'm.room.member', sender: bob, stateKey: bob, content: {} }, why: 'The content does not say which membership.' },
  { name: 'member-with-both', versions: all, rule: 'member.no-membership', expect: 'allowed', state: [joinRule('public')], event: join(bob), why: 'State key and membership are there and the room is public.' },
  { name: 'member-unknown-membership', versions: all, rule: 'member.unknown', expect: 'denied', state: [joinRule('public')], event: membership(bob, bob, 'lurk'), why: 'No such membership exists.' },
  { name: 'member-unknown-membership-by-admin', versions: all, rule: 'member.unknown', expect: 'denied', state: [joined(alice), power({ users: { [alice]: 100 } })], event: membership(alice, bob, 'mute'), why: 'Power does not make an unknown membership known.' },
  { name: 'member-empty-membership', versions: all, rule: 'member.unknown', expect: 'denied', state: [joinRule('public')], event: membership(bob, bob, ''), why: 'The empty string is no membership.' },
  { name: 'member-membership-other-case', versions: all, rule: 'member.unknown', expect: 'denied', state: [joinRule('public')], event: membership(bob, bob, 'Join'), why: 'Memberships are compared by case.' },
  { name: 'member-membership-number', versions: all, rule: 'member.unknown', expect: 'denied', state: [joinRule('public')], event: membership(bob, bob, 1), why: 'A number is none of the known memberships.' },
  { name: 'member-membership-array', versions: all, rule: 'member.unknown', expect: 'denied', state: [joinRule('public')], event: membership(bob, bob, ['join']), why: 'An array is none of the known memberships, whatever it holds.' },
  { name: 'member-membership-null', versions: all, rule: 'member.unknown', expect: 'denied', state: [joinRule('public')], event: membership(bob, bob, null), why: 'The property is there but holds none of the known memberships.' },
  { name: 'member-knock-before-knocking', versions: until(6), rule: 'member.unknown', expect: 'denied', state: [joinRule('knock')], event: membership(bob, bob, 'knock'), why: 'These versions do not know knocking.' },
];

const first: Sketch[] = [
  { name: 'first-join-of-creator', versions: all, rule: 'join.first', expect: 'allowed', alone: true, event: join(creator), why: 'The creator joins directly after the create event, before there are join rules.' },
  { name: 'first-join-of-creator-v11-content', versions: ['11'], rule: 'join.first', expect: 'allowed', alone: true, event: join(creator), why: 'The sender of the create event is the creator though the content names nobody.' },
  { name: 'first-join-of-another', versions: all, rule: 'join.otherwise', expect: 'denied', alone: true, event: join(alice), why: 'The room has no join rule and this user did not create it.' },
  { name: 'first-join-not-directly-after-create', versions: all, rule: 'join.otherwise', expect: 'denied', alone: true, state: [power({ users: { [alice]: 100 } })], event: join(creator), why: 'Another event stands between the create event and the join, so the exception for the creator has passed.' },
  { name: 'first-join-with-two-prev-events', versions: all, rule: 'join.otherwise', expect: 'denied', alone: true, event: { ...join(creator), prevEvents: ['$create', '$other'] }, why: 'The create event is not the only previous event.' },
  { name: 'first-join-without-prev-events', versions: all, rule: 'join.otherwise', expect: 'denied', alone: true, event: { ...join(creator), prevEvents: [] }, why: 'The create event is not the previous event.' },
  { name: 'first-join-of-content-creator', versions: until(10), rule: 'join.first', expect: 'allowed', alone: true, create: { creator: alice }, event: join(alice), reading: 'Until version 10 the creator is the user in content.creator, whoever sent the create event.', why: 'The content of the create event names this user as the creator.' },
  { name: 'first-join-of-content-creator-modern', versions: since(11), rule: 'join.otherwise', expect: 'denied', alone: true, create: { creator: alice }, event: join(alice), why: 'From version 11 only the sender of the create event counts.' },
  { name: 'first-join-of-sender-who-is-not-content-creator', versions: until(10), rule: 'join.otherwise', expect: 'denied', alone: true, create: { creator: alice }, event: join(creator), reading: 'Until version 10 the creator is the user in content.creator, whoever sent the create event.', why: 'The content names another user as the creator.' },
  { name: 'first-join-of-creator-sent-by-another', versions: all, rule: 'join.first', expect: 'allowed', alone: true, event: membership(alice, creator, 'join'), reading: 'The rule compares only the state key with the creator and stands before the rule that compares it with the sender.', why: 'It is the first join and it is about the creator.' },
  { name: 'first-join-of-additional-creator', versions: ['12'], rule: 'join.otherwise', expect: 'denied', alone: true, create: { additional_creators: [alice] }, event: join(alice), why: 'The exception is for the sender of the create event, not for the other creators.' },
];

const plainRules: Sketch[] = [
  { name: 'join-for-another', versions: all, rule: 'join.for-another', expect: 'denied', state: [joined(alice), joinRule('public')], event: membership(alice, bob, 'join'), why: 'Nobody can make somebody else join.' },
  { name: 'join-for-another-by-admin', versions: all, rule: 'join.for-another', expect: 'denied', state: [joined(alice), power({ users: { [alice]: 100 } }), joinRule('public')], event: membership(alice, bob, 'join'), why: 'Power does not help to make somebody else join.' },
  { name: 'join-for-oneself', versions: all, rule: 'join.for-another', expect: 'allowed', state: [joined(alice), joinRule('public')], event: join(bob), why: 'The user joins a public room on their own behalf.' },
  { name: 'join-after-lifted-ban', versions: all, rule: 'join.banned', expect: 'allowed', state: [joinRule('public'), { ...member(bob, 'leave'), sender: creator }], event: join(bob), why: 'The ban was lifted, which left the membership at leave.' },
  { name: 'join-without-join-rules', versions: all, rule: 'join.otherwise', expect: 'denied', event: join(bob), why: 'There is no join rule that would let a user in who was not invited.' },
  { name: 'join-unknown-join-rule', versions: all, rule: 'join.otherwise', expect: 'denied', state: [joinRule('test.friends'), member(bob, 'invite')], event: join(bob), why: 'An unknown join rule lets nobody in, invited or not.' },
  { name: 'join-rule-not-a-string', versions: all, rule: 'join.otherwise', expect: 'denied', state: [{ ...joinRule('public'), content: { join_rule: ['public'] } }], event: join(bob), why: 'The join rule is not the string that opens the room.' },
  { name: 'join-public-by-user-below-every-level', versions: all, rule: 'join.public', expect: 'allowed', state: [power({ users_default: -5, events: { 'm.room.member': 100 }, state_default: 100 }), joinRule('public')], event: join(bob), why: 'Levels for events do not apply to joining.' },
];

type Outcome = readonly [expect: 'allowed' | 'denied', rule: string];
const allowed = (rule: string): Outcome => ['allowed', rule];
const denied = (rule: string): Outcome => ['denied', rule];
const memberships = ['none', 'leave', 'invite', 'join', 'knock', 'ban'];

/** What each membership before the join leads to, in the order of `memberships`. */
const outcomes: { readonly [joinRule: string]: readonly Outcome[] } = {
  public: [...Array.from({ length: 5 }, () => allowed('join.public')), denied('join.banned')],
  invite: [denied('join.otherwise'), denied('join.otherwise'), allowed('join.invited'), allowed('join.invited'), denied('join.otherwise'), denied('join.banned')],
  private: [...Array.from({ length: 5 }, () => denied('join.otherwise')), denied('join.banned')],
};
const closedTo: readonly Outcome[] = outcomes['private'] ?? [];
const invited: readonly Outcome[] = outcomes['invite'] ?? [];

function matrix(rule: string, versions: readonly string[], table: readonly Outcome[], suffix = ''): Sketch[] {
  return memberships.flatMap((before, index): Sketch[] => {
    const [expect, name] = table[index] ?? denied('join.otherwise');
    const applicable = before === 'knock' ? versions.filter((version) => Number(version) >= 7) : versions;
    if (applicable.length === 0) return [];
    const state = [joined(alice), joinRule(rule), ...(before === 'none' ? [] : [member(bob, before)])];
    const why = `The join rule is ${rule}${suffix === '' ? '' : ', which this version does not know,'} and the membership before is ${before}.`;
    return [{ name: `join-${rule.replace('_', '-')}-after-${before}${suffix}`, versions: applicable, rule: name, expect, state, event: join(bob), why }];
  });
}

export const memberJoin: Sketch[] = [
  ...shape,
  ...first,
  ...plainRules,
  ...Object.entries(outcomes).flatMap(([rule, table]) => matrix(rule, all, table)),
  ...matrix('knock', since(7), invited),
  ...matrix('knock', until(6), closedTo, '-unknown'),
  ...matrix('restricted', until(7), closedTo, '-unknown'),
  ...matrix('knock_restricted', between(1, 9), closedTo, '-unknown'),
  { name: 'join-invite-after-invite-of-another', versions: all, rule: 'join.otherwise', expect: 'denied', state: [joinRule('invite'), member(carol, 'invite')], event: join(bob), why: 'Somebody else was invited.' },
];

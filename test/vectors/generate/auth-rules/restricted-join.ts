/** Owns the cases on restricted joins, and on the signature of the server that authorises one. */
import type { Content, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, between, bob, creator, dave, highestLevel, join, joined, joinRule, member, membership, power, since, until } from '#test/vectors/generate/sketch.ts';

const by = (user: string) => ({ join_authorised_via_users_server: user });
const authorised = join(bob, by(alice));
const members = [joined(alice), joinRule('restricted')];
const levels = (alicesLevel: number, content: Content = {}) => [
  ...members,
  power({ users: { [alice]: alicesLevel }, ...content }),
];

function memberships(rule: string, versions: readonly string[]): Sketch[] {
  return ['none', 'leave', 'knock', 'invite', 'join', 'ban'].flatMap((before): Sketch[] => {
    const state = [joined(alice), joinRule(rule), ...(before === 'none' ? [] : [member(bob, before)])];
    const common = { versions, state, why: `The join rule is ${rule} and the membership before is ${before}.` };
    const name = `join-${rule.replace('_', '-')}-after-${before}`;
    if (before === 'ban') {
      return [{ ...common, name, rule: 'join.banned', expect: 'denied', verify: 'ok', event: authorised }];
    }
    if (before === 'invite' || before === 'join') {
      return [{ ...common, name, rule: 'join.restricted.member', expect: 'allowed', event: join(bob) }];
    }
    return [
      { ...common, name: `${name}-unauthorised`, rule: 'join.restricted.authoriser', expect: 'denied', event: join(bob) },
      { ...common, name: `${name}-authorised`, rule: 'join.restricted.ok', expect: 'allowed', verify: 'ok', event: authorised },
    ];
  });
}

const authoriser = (name: string, expect: 'allowed' | 'denied', state: Sketch['state'], why: string, user = alice): Sketch => ({
  name: `restricted-${name}`,
  versions: since(8),
  rule: 'join.restricted.authoriser',
  expect,
  verify: 'ok',
  state: state ?? [],
  event: join(bob, by(user)),
  why,
});

export const restrictedJoin: Sketch[] = [
  ...memberships('restricted', since(8)),
  ...memberships('knock_restricted', since(10)),
  authoriser('authoriser-joined', 'allowed', members, 'The authorising user is a member and inviting needs 0.'),
  authoriser('authoriser-unknown', 'denied', members, 'The authorising user was never in the room.', dave),
  ...['leave', 'invite', 'ban', 'knock'].map((before) =>
    authoriser(`authoriser-after-${before}`, 'denied', [member(alice, before), joinRule('restricted')], `The authorising user is not joined but has the membership ${before}.`),
  ),
  authoriser('authoriser-level-equal', 'allowed', levels(50, { invite: 50 }), 'The authorising user has exactly the level to invite.'),
  authoriser('authoriser-level-below', 'denied', levels(49, { invite: 50 }), 'The authorising user is one below the level to invite.'),
  authoriser('authoriser-level-below-default', 'denied', levels(-1), 'The level to invite is 0 by default and the authorising user is below it.'),
  authoriser('authoriser-level-zero', 'allowed', levels(0, { users_default: -1 }), 'The authorising user has level 0, which is enough by default.'),
  authoriser('authoriser-at-highest-level', 'denied', levels(highestLevel - 1, { invite: highestLevel }), 'One level below the end of the range is still below.'),
  authoriser('authoriser-is-the-joining-user', 'denied', members, 'The joining user is not a member yet and cannot authorise their own join.', bob),
  { name: 'restricted-power-of-joining-user', versions: since(8), rule: 'join.restricted.authoriser', expect: 'denied', state: [...members, power({ users: { [bob]: 100 } })], event: join(bob), why: 'The level of the joining user does not replace the authorising user.' },
  { name: 'restricted-invited-with-unfit-authoriser', versions: since(8), rule: 'join.restricted.member', expect: 'allowed', verify: 'ok', state: [...levels(0, { invite: 50 }), member(bob, 'invite')], event: authorised, why: 'An invited user needs no authorising user, so it does not matter that this one lacks the level.' },
  { name: 'restricted-for-another', versions: since(8), rule: 'join.for-another', expect: 'denied', verify: 'ok', state: members, event: membership(alice, bob, 'join', by(alice)), why: 'Even with authorisation, nobody joins for somebody else.' },
  { name: 'restricted-signature-missing', versions: since(8), rule: 'member.unsigned-by-authoriser', expect: 'denied', verify: 'fail', state: members, event: authorised, why: 'The server of the authorising user has not validly signed the event.' },
  { name: 'restricted-signature-valid', versions: since(8), rule: 'member.unsigned-by-authoriser', expect: 'allowed', verify: 'ok', state: members, event: authorised, why: 'The server of the authorising user has signed the event.' },
  { name: 'public-join-authoriser-signature-missing', versions: since(8), rule: 'member.unsigned-by-authoriser', expect: 'denied', verify: 'fail', state: [joined(alice), joinRule('public')], event: authorised, why: 'The signature is wanted wherever the property stands, whatever the join rule.' },
  { name: 'public-join-authoriser-signature-valid', versions: since(8), rule: 'member.unsigned-by-authoriser', expect: 'allowed', verify: 'ok', state: [joined(alice), joinRule('public')], event: authorised, why: 'The property is not needed in a public room and does no harm when it is signed.' },
  { name: 'leave-authoriser-signature-missing', versions: since(8), rule: 'member.unsigned-by-authoriser', expect: 'denied', verify: 'fail', state: [...members, joined(bob)], event: membership(bob, bob, 'leave', by(alice)), why: 'The signature is wanted for every membership, not for joins alone.' },
  { name: 'leave-authoriser-signature-valid', versions: since(8), rule: 'leave.own', expect: 'allowed', verify: 'ok', state: [...members, joined(bob)], event: membership(bob, bob, 'leave', by(alice)), why: 'A signed property does not stand in the way of leaving.' },
  { name: 'first-join-authoriser-signature-missing', versions: since(8), rule: 'member.unsigned-by-authoriser', expect: 'denied', verify: 'fail', alone: true, event: join(creator, by(dave)), why: 'The signature is checked before the exception for the first join.' },
  { name: 'public-join-authoriser-unknown-property', versions: until(7), rule: 'join.public', expect: 'allowed', state: [joined(alice), joinRule('public')], event: authorised, why: 'Before version 8 the property means nothing.' },
  { name: 'restricted-knock-restricted-unknown-authorised', versions: between(8, 9), rule: 'join.otherwise', expect: 'denied', verify: 'ok', state: [joined(alice), joinRule('knock_restricted')], event: authorised, why: 'These versions do not know the combined join rule.' },
];

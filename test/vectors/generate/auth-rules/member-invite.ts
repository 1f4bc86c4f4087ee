/** Owns the cases on inviting a user by user id. */
import type { Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, bob, creator, joined, joinRule, member, membership, power, since } from '#test/vectors/generate/sketch.ts';

const invitation = membership(alice, bob, 'invite');
const level = (users: number, content = {}) => [joined(alice), power({ users: { [alice]: users }, ...content })];

const sender: Sketch[] = ['none', 'leave', 'invite', 'ban', 'knock'].map((before) => ({
  name: `invite-by-sender-after-${before}`,
  versions: before === 'knock' ? since(7) : all,
  rule: 'invite.sender-not-joined',
  expect: 'denied',
  state: before === 'none' ? [] : [member(alice, before)],
  event: invitation,
  why: `Only members invite; the membership of the sender is ${before}.`,
}));

const target: Sketch[] = ['none', 'leave', 'invite', 'knock', 'join', 'ban'].map((before) => {
  const denied = before === 'join' || before === 'ban';
  return {
    name: `invite-of-target-after-${before}`,
    versions: before === 'knock' ? since(7) : all,
    rule: 'invite.target',
    expect: denied ? 'denied' : 'allowed',
    state: [joined(alice), ...(before === 'none' ? [] : [member(bob, before)])],
    event: invitation,
    why: `The membership of the user invited is ${before}${denied ? ', which leaves no room for an invitation' : ''}.`,
  };
});

export const memberInvite: Sketch[] = [
  ...sender,
  { name: 'invite-by-joined-sender', versions: all, rule: 'invite.sender-not-joined', expect: 'allowed', state: [joined(alice)], event: invitation, why: 'The sender is a member and inviting needs level 0 by default.' },
  ...target,
  { name: 'invite-default-level-zero', versions: all, rule: 'invite.level', expect: 'allowed', state: level(0), event: invitation, why: 'Without an invite level, level 0 is enough.' },
  { name: 'invite-default-level-below-zero', versions: all, rule: 'invite.otherwise', expect: 'denied', state: level(-1), event: invitation, why: 'The level to invite is 0 by default and the sender is below it.' },
  { name: 'invite-level-equal', versions: all, rule: 'invite.level', expect: 'allowed', state: level(50, { invite: 50 }), event: invitation, why: 'The sender has exactly the level needed.' },
  { name: 'invite-level-one-below', versions: all, rule: 'invite.otherwise', expect: 'denied', state: level(49, { invite: 50 }), event: invitation, why: 'The sender is one below the level needed.' },
  { name: 'invite-level-zero-explicit', versions: all, rule: 'invite.level', expect: 'allowed', state: level(0, { invite: 0, users_default: -1 }), event: invitation, why: 'An explicit level 0 of a user stands before the lower default.' },
  { name: 'invite-level-negative', versions: all, rule: 'invite.level', expect: 'allowed', state: level(-10, { invite: -10 }), event: invitation, why: 'Levels may be negative and compare as numbers.' },
  { name: 'invite-level-from-users-default', versions: all, rule: 'invite.level', expect: 'allowed', state: [joined(alice), power({ users_default: 30, invite: 30 })], event: invitation, why: 'A user who is not listed has the default level.' },
  { name: 'invite-ignores-levels-of-events', versions: all, rule: 'invite.level', expect: 'allowed', state: level(0, { events: { 'm.room.member': 100 }, state_default: 100 }), event: invitation, why: 'Membership events are not under the levels for event types.' },
  { name: 'invite-without-power-levels', versions: all, rule: 'invite.level', expect: 'allowed', state: [joined(alice)], event: invitation, why: 'Without power levels everybody has 0 and inviting needs 0.' },
  { name: 'invite-into-public-room', versions: all, rule: 'invite.level', expect: 'allowed', state: [joined(alice), joinRule('public')], event: invitation, why: 'The join rule does not matter for inviting.' },
  { name: 'invite-of-oneself', versions: all, rule: 'invite.target', expect: 'denied', state: [joined(alice)], event: membership(alice, alice, 'invite'), why: 'The user is already a member.' },
  { name: 'invite-by-creator-without-power-levels', versions: all, rule: 'invite.level', expect: 'allowed', event: membership(creator, bob, 'invite'), why: 'The creator may invite before there are power levels.' },
];

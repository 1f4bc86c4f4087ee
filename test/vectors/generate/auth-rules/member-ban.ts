/** Owns the cases on banning. */
import type { Content, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, bob, creator, joined, member, membership, power } from '#test/vectors/generate/sketch.ts';

const ban = membership(alice, bob, 'ban');
const levels = (sender: number, target: number, content: Content = {}) => [
  joined(alice),
  joined(bob),
  power({ users: { [alice]: sender, [bob]: target }, ...content }),
];

const senders: Sketch[] = ['none', 'leave', 'invite', 'ban'].map((before) => ({
  name: `ban-by-sender-after-${before}`,
  versions: all,
  rule: 'ban.sender-not-joined',
  expect: 'denied',
  state: [...(before === 'none' ? [] : [member(alice, before)]), joined(bob), power({ users: { [alice]: 100 } })],
  event: ban,
  why: `Only members ban; the membership of the sender is ${before} although the level is enough.`,
}));

const targets: Sketch[] = ['none', 'leave', 'invite', 'ban'].map((before) => ({
  name: `ban-of-target-after-${before}`,
  versions: all,
  rule: 'ban.level',
  expect: 'allowed',
  state: [joined(alice), ...(before === 'none' ? [] : [member(bob, before)]), power({ users: { [alice]: 50 } })],
  event: ban,
  why: `A user can be banned whatever their membership, here ${before}.`,
}));

export const memberBan: Sketch[] = [
  ...senders,
  { name: 'ban-by-joined-sender', versions: all, rule: 'ban.sender-not-joined', expect: 'allowed', state: levels(100, 0), event: ban, why: 'A member with the level to ban acts on a user below.' },
  ...targets,
  { name: 'ban-level-equal', versions: all, rule: 'ban.level', expect: 'allowed', state: levels(50, 49), event: ban, why: 'The default ban level is 50, the sender has it, and the target is one below.' },
  { name: 'ban-level-one-below', versions: all, rule: 'ban.otherwise', expect: 'denied', state: levels(49, 0), event: ban, why: 'The default ban level is 50 and the sender has 49.' },
  { name: 'ban-target-equal', versions: all, rule: 'ban.otherwise', expect: 'denied', state: levels(50, 50), event: ban, why: 'The target has the same level as the sender.' },
  { name: 'ban-target-above', versions: all, rule: 'ban.otherwise', expect: 'denied', state: levels(50, 75), event: ban, why: 'The target is above the sender.' },
  { name: 'ban-target-equal-by-default', versions: all, rule: 'ban.otherwise', expect: 'denied', state: [joined(alice), joined(bob), power({ users_default: 50 })], event: ban, why: 'Sender and target both have the default level, which is the ban level.' },
  { name: 'ban-level-explicit-equal', versions: all, rule: 'ban.level', expect: 'allowed', state: levels(75, 50, { ban: 75 }), event: ban, why: 'The ban level is given and the sender has exactly it.' },
  { name: 'ban-level-explicit-below', versions: all, rule: 'ban.otherwise', expect: 'denied', state: levels(74, 50, { ban: 75 }), event: ban, why: 'The ban level is given and is one above the sender.' },
  { name: 'ban-level-zero', versions: all, rule: 'ban.level', expect: 'allowed', state: levels(0, -1, { ban: 0 }), event: ban, why: 'A ban level of 0 is not the default of 50, and the target is below 0.' },
  { name: 'ban-level-negative', versions: all, rule: 'ban.otherwise', expect: 'denied', state: levels(-6, -7, { ban: -5 }), event: ban, why: 'The sender is one below a negative ban level.' },
  { name: 'ban-ignores-kick-level', versions: all, rule: 'ban.level', expect: 'allowed', state: levels(50, 0, { kick: 100 }), event: ban, why: 'The kick level does not matter for banning.' },
  { name: 'ban-of-oneself', versions: all, rule: 'ban.otherwise', expect: 'denied', state: levels(100, 0), event: membership(alice, alice, 'ban'), why: 'Nobody stands below themselves.' },
  { name: 'ban-without-power-levels-by-creator', versions: all, rule: 'ban.level', expect: 'allowed', state: [joined(bob)], event: membership(creator, bob, 'ban'), why: 'Without power levels the creator stands above everybody and banning needs 50.' },
  { name: 'ban-without-power-levels-by-member', versions: all, rule: 'ban.otherwise', expect: 'denied', state: [joined(alice), joined(bob)], event: ban, why: 'Without power levels a member has 0 and banning needs 50.' },
];

/** Owns the cases on leaving, refusing, kicking and unbanning. */
import type { Content, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, bob, creator, highestLevel, joined, joinRule, member, membership, power, since, until } from '#test/vectors/generate/sketch.ts';

const kick = membership(alice, bob, 'leave');
const between2 = (sender: number, target: number, content: Content = {}) => [
  joined(alice),
  power({ users: { [alice]: sender, [bob]: target }, ...content }),
];

const own: Sketch[] = ['none', 'leave', 'invite', 'join', 'knock', 'ban'].map((before) => {
  const allowed = before === 'invite' || before === 'join' || before === 'knock';
  return {
    name: `leave-own-after-${before}`,
    versions: before === 'knock' ? since(7) : all,
    rule: 'leave.own',
    expect: allowed ? 'allowed' : 'denied',
    state: before === 'none' ? [] : [member(bob, before)],
    event: membership(bob, bob, 'leave'),
    why: `The user ends their own membership, which is ${before}.`,
  };
});

const senders: Sketch[] = ['none', 'leave', 'invite', 'ban'].map((before) => ({
  name: `kick-by-sender-after-${before}`,
  versions: all,
  rule: 'leave.sender-not-joined',
  expect: 'denied',
  state: [...(before === 'none' ? [] : [member(alice, before)]), joined(bob), power({ users: { [alice]: 100 } })],
  event: kick,
  why: `Only members kick; the membership of the sender is ${before} although the level is enough.`,
}));

export const memberLeave: Sketch[] = [
  ...own,
  { name: 'leave-own-as-admin-after-ban', versions: all, rule: 'leave.own', expect: 'denied', state: [member(alice, 'ban'), power({ users: { [alice]: 100 } })], event: membership(alice, alice, 'leave'), why: 'A banned user cannot lift their own ban, whatever their level.' },
  { name: 'leave-own-below-every-level', versions: all, rule: 'leave.own', expect: 'allowed', state: [joined(bob), power({ users_default: -1, kick: 100, state_default: 100 })], event: membership(bob, bob, 'leave'), why: 'No level is needed to leave.' },
  { name: 'leave-own-knock-in-older-version', versions: until(6), rule: 'leave.own', expect: 'denied', state: [{ ...member(bob, 'knock') }], event: membership(bob, bob, 'leave'), why: 'Where knocking is unknown, only an invited or joined user can leave.' },
  ...senders,
  { name: 'kick-by-joined-sender', versions: all, rule: 'leave.sender-not-joined', expect: 'allowed', state: [joined(alice), joined(bob), power({ users: { [alice]: 100 } })], event: kick, why: 'A member with the level to kick acts on a user below.' },
  { name: 'kick-level-equal', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(50, 49), joined(bob)], event: kick, why: 'The default kick level is 50, the sender has it, and the target is one below.' },
  { name: 'kick-level-one-below', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(49, 0), joined(bob)], event: kick, why: 'The default kick level is 50 and the sender has 49.' },
  { name: 'kick-target-equal', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(50, 50), joined(bob)], event: kick, why: 'The target has the same level as the sender.' },
  { name: 'kick-target-above', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(50, 51), joined(bob)], event: kick, why: 'The target is above the sender.' },
  { name: 'kick-level-explicit-equal', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(30, 0, { kick: 30 }), joined(bob)], event: kick, why: 'The kick level is given and the sender has exactly it.' },
  { name: 'kick-level-explicit-below', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(50, 0, { kick: 51 }), joined(bob)], event: kick, why: 'The kick level is given and is one above the sender.' },
  { name: 'kick-level-zero', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(0, -1, { kick: 0 }), joined(bob)], event: kick, why: 'A kick level of 0 is not the default of 50, and the target is below 0.' },
  { name: 'kick-level-zero-equal-target', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(0, 0, { kick: 0 }), joined(bob)], event: kick, why: 'Sender and target both have level 0.' },
  { name: 'kick-at-highest-level', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(highestLevel, highestLevel - 1, { kick: highestLevel }), joined(bob)], event: kick, why: 'The levels at the end of the range differ by one and compare exactly.' },
  { name: 'kick-ignores-ban-level', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(50, 0, { ban: 100 }), joined(bob)], event: kick, why: 'The ban level matters only when the target is banned.' },
  { name: 'kick-without-power-levels-by-creator', versions: all, rule: 'leave.kick', expect: 'allowed', state: [joined(bob)], event: membership(creator, bob, 'leave'), why: 'Without power levels the creator stands above everybody and kicking needs 50.' },
  { name: 'kick-without-power-levels-by-member', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [joined(alice), joined(bob)], event: kick, why: 'Without power levels a member has 0 and kicking needs 50.' },
  { name: 'kick-of-invited', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(50, 0), member(bob, 'invite')], event: kick, why: 'An invitation is withdrawn with the level to kick.' },
  { name: 'kick-of-knocking', versions: since(7), rule: 'leave.kick', expect: 'allowed', state: [...between2(50, 0), joinRule('knock'), member(bob, 'knock')], event: kick, why: 'A knock is refused with the level to kick.' },
  { name: 'kick-of-user-who-left', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(50, 0), member(bob, 'leave')], event: kick, why: 'The rule compares levels and does not ask for a membership of the target.' },
  { name: 'unban-with-both-levels', versions: all, rule: 'leave.unban-level', expect: 'allowed', state: [...between2(60, 0, { ban: 60, kick: 50 }), member(bob, 'ban')], event: kick, why: 'The sender has the ban level and the kick level.' },
  { name: 'unban-below-ban-level', versions: all, rule: 'leave.unban-level', expect: 'denied', state: [...between2(59, 0, { ban: 60, kick: 50 }), member(bob, 'ban')], event: kick, why: 'The sender could kick, but is one below the level to ban.' },
  { name: 'unban-below-default-ban-level', versions: all, rule: 'leave.unban-level', expect: 'denied', state: [...between2(49, 0, { kick: 0 }), member(bob, 'ban')], event: kick, why: 'The ban level is 50 by default and the sender has 49.' },
  { name: 'unban-below-kick-level', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(50, 0, { ban: 50, kick: 60 }), member(bob, 'ban')], event: kick, why: 'The sender could ban, but unbanning needs the level to kick as well.' },
  { name: 'unban-target-equal', versions: all, rule: 'leave.otherwise', expect: 'denied', state: [...between2(50, 50), member(bob, 'ban')], event: kick, why: 'The banned user has the same level as the sender.' },
  { name: 'unban-target-below', versions: all, rule: 'leave.kick', expect: 'allowed', state: [...between2(50, 49), member(bob, 'ban')], event: kick, why: 'The banned user is one below the sender, who has both default levels.' },
];

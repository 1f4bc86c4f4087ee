/** Owns the scenarios about who is in the room. */
import {
  alice,
  bob,
  carol,
  erin,
  join,
  levels,
  member,
  rules,
  topic,
  type Scenario,
} from '#test/vectors/generate/state-resolution/scenario.ts';

const everywhere = (...ids: string[]) => ({ v1: ids, v2: ids, 'v2.1': ids });
const demotion = levels('demotion', alice, { users: { [alice]: 100 } });
const openTopic = { users: { [alice]: 100, [bob]: 50 }, events: { 'm.room.topic': 0 } };
const invited = member('invited', bob, erin, 'invite');

export const memberships: readonly Scenario[] = [
  {
    name: 'ban-against-join',
    why: 'The ban is a power event and comes first, so that the join of a banned user is denied; in version 1 the ban passes after the join and the join does not pass after the ban.',
    branches: [[member('ban', bob, erin, 'ban')], [join('join', erin)]],
    expect: everywhere('$ban'),
  },
  {
    name: 'ban-against-leave',
    why: 'A banned user cannot leave, whichever was said first.',
    branches: [[{ ...member('ban', bob, carol, 'ban'), ts: 9000 }], [{ ...member('leave', carol, carol, 'leave'), ts: 7000 }]],
    expect: everywhere('$ban'),
  },
  {
    name: 'ban-against-invite',
    why: 'Somebody who is banned cannot be invited; the ban of an invited user passes.',
    branches: [[member('invite', bob, erin, 'invite')], [member('ban', alice, erin, 'ban')]],
    expect: everywhere('$ban'),
  },
  {
    name: 'kick-against-rename-in-a-public-room',
    why: 'The kick is a power event and comes first; who was kicked from a public room may join it again, which is what the new name amounts to. Version 1 goes by depth, and the kick is deeper.',
    branches: [[{ ...member('kick', bob, carol, 'leave'), depth: 9 }], [join('rename', carol, { displayname: 'C' })]],
    expect: { v1: ['$kick'], v2: ['$rename'], 'v2.1': ['$rename'] },
  },
  {
    name: 'kick-against-rename-in-a-private-room',
    why: 'After the kick the rename is a join without an invite.',
    base: [rules('private', alice, 'invite')],
    branches: [[{ ...member('kick', bob, carol, 'leave'), depth: 9 }], [join('rename', carol, { displayname: 'C' })]],
    expect: everywhere('$kick'),
  },
  {
    name: 'kick-against-state',
    why: 'The kicked user is no member when the topic is judged; the base membership is in the auth chain of the kick and comes before it. In version 1 a key that only one state has is no conflict.',
    power: openTopic,
    branches: [[member('kick', bob, carol, 'leave')], [topic('topic', carol)]],
    expect: { v1: ['$kick', '$topic'], v2: ['$kick'], 'v2.1': ['$kick'] },
  },
  {
    name: 'own-leave-before-own-topic',
    why: 'Leaving by oneself is no power event: by the clock it comes before the topic, whose sender is then no member.',
    branches: [[{ ...member('leave', bob, bob, 'leave'), ts: 7000 }], [{ ...topic('topic', bob), ts: 8000 }]],
    expect: { v2: ['$leave'], 'v2.1': ['$leave'] },
  },
  {
    name: 'own-leave-after-own-topic',
    why: 'Leaving by oneself is no power event: by the clock it comes after the topic, which therefore stands.',
    branches: [[{ ...member('leave', bob, bob, 'leave'), ts: 8000 }], [{ ...topic('topic', bob), ts: 7000 }]],
    expect: { v2: ['$leave', '$topic'], 'v2.1': ['$leave', '$topic'] },
  },
  {
    name: 'revoked-moderator-bans',
    why: 'The demotion is sent by the greater power and comes first; the ban by the demoted moderator is denied, and the join that it was to end, in its auth chain, stays.',
    branches: [[demotion], [member('ban', bob, carol, 'ban')]],
    expect: everywhere('$demotion'),
  },
  {
    name: 'banned-moderator-bans',
    why: 'The ban by the greater power comes first, and who is banned bans nobody. In version 1 memberships of one pass do not see each other, and the banned moderator is no member yet either.',
    branches: [[member('ban-bob', alice, bob, 'ban')], [member('ban-carol', bob, carol, 'ban')]],
    expect: everywhere('$ban-bob'),
  },
  {
    name: 'revoked-invite',
    why: 'The withdrawal of the invite is a power event; after it the room is closed to the join.',
    base: [rules('private', alice, 'invite'), invited],
    branches: [[join('join', erin)], [member('withdrawal', bob, erin, 'leave')]],
    expect: everywhere('$withdrawal'),
  },
  {
    name: 'unban-against-an-old-state',
    why: 'The unban cites the ban and therefore follows it.',
    base: [member('ban', bob, erin, 'ban')],
    branches: [[member('unban', bob, erin, 'leave')], [topic('topic', bob)]],
    expect: everywhere('$unban', '$topic'),
  },
  {
    name: 'ban-and-return-against-rename',
    why: 'Ban and unban are only in the auth chain of one state; they are power events of the auth difference and come first. Of the two joins the later one by the clock is last. Version 1 takes the deeper one.',
    branches: [
      [
        member('ban', bob, carol, 'ban'),
        member('unban', bob, carol, 'leave'),
        { ...join('return', carol), ts: 9000 },
      ],
      [{ ...join('rename', carol, { displayname: 'C' }), ts: 9500 }],
    ],
    expect: { v1: ['$return'], v2: ['$rename'], 'v2.1': ['$rename'] },
  },
  {
    name: 'join-rule-against-join',
    why: 'The room was closed while somebody joined: the rule is a power event and comes first. In version 1 the membership that only one state has is no conflict.',
    branches: [[rules('private', alice, 'invite')], [join('join', erin)]],
    expect: { v1: ['$private', '$join'], v2: ['$private'], 'v2.1': ['$private'] },
  },
  {
    name: 'join-rule-of-a-slow-clock',
    why: 'Both join rules are in the conflicted set and neither cites the other, so that the clock decides; the new rule claims to be older than the one it replaces, which therefore comes back.',
    branches: [[{ ...rules('private', alice, 'invite'), ts: 500 }], [join('join', erin)]],
    expect: { v1: ['$private', '$join'], v2: ['$rules', '$join'], 'v2.1': ['$rules', '$join'] },
  },
  {
    name: 'knock-against-ban',
    why: 'Who is banned cannot knock.',
    since: 7,
    base: [rules('closed', alice, 'knock')],
    branches: [[member('knock', erin, erin, 'knock')], [member('ban', bob, erin, 'ban')]],
    expect: { v2: ['$ban'], 'v2.1': ['$ban'] },
  },
  {
    name: 'knock-against-join-rule',
    why: 'The new join rule comes first and knows no knocking.',
    since: 7,
    base: [rules('closed', alice, 'knock')],
    branches: [[member('knock', erin, erin, 'knock')], [rules('private', alice, 'invite')]],
    expect: { v2: ['$private'], 'v2.1': ['$private'] },
  },
];

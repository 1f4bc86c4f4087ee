/** Owns the scenarios about restricted joins, which somebody in the room vouches for. */
import {
  alice,
  bob,
  erin,
  join,
  levels,
  member,
  rules,
  topic,
  type Scenario,
} from '#test/vectors/generate/state-resolution/scenario.ts';

const base = [rules('restricted', alice, 'restricted', { allow: [] })];
const vouched = join('join', erin, { join_authorised_via_users_server: bob });

export const restrictedJoins: readonly Scenario[] = [
  {
    name: 'restricted-join-beside-a-topic',
    why: 'Nothing speaks against the join.',
    since: 8,
    base,
    branches: [[vouched], [topic('topic', bob)]],
    expect: { v2: ['$join', '$topic'], 'v2.1': ['$join', '$topic'] },
  },
  {
    name: 'restricted-join-and-invite-level',
    why: 'The level to invite rises above that of the user who vouched, and power levels come first.',
    since: 8,
    base,
    branches: [[vouched], [levels('strict', alice, { users: { [alice]: 100, [bob]: 50 }, invite: 60 })]],
    expect: { v2: ['$strict'], 'v2.1': ['$strict'] },
  },
  {
    name: 'restricted-join-and-kick-of-the-voucher',
    why: 'The user who vouched is kicked first and is no member when the join is judged.',
    since: 8,
    base,
    branches: [[vouched], [member('kick', alice, bob, 'leave')]],
    expect: { v2: ['$kick'], 'v2.1': ['$kick'] },
  },
  {
    name: 'restricted-join-and-open-room',
    why: 'The room becomes public at the same time, after which nobody needs to vouch, not even somebody who was kicked.',
    since: 8,
    base,
    branches: [[vouched], [rules('open', alice, 'public'), member('kick', alice, bob, 'leave')]],
    expect: { v2: ['$open', '$kick', '$join'], 'v2.1': ['$open', '$kick', '$join'] },
  },
  {
    name: 'restricted-join-of-an-invited-user',
    why: 'The sender of the invite is kicked first, and the invite is denied. The state then has nothing about the invited user, so that the join is judged by the invite among its own auth events, and passes.',
    since: 8,
    base,
    branches: [[member('invite', bob, erin, 'invite'), join('join', erin)], [member('kick', alice, bob, 'leave')]],
    expect: { v2: ['$kick', '$join'], 'v2.1': ['$kick', '$join'] },
  },
];
